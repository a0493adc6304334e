#include "lathe/data/grammar.h"

#include <algorithm>
#include <functional>

#include "lathe/core/error.h"

namespace lathe::data {
namespace {

// "{noun}", "{person 1}".
struct Slot {
  std::string name, number;
  size_t end = 0;  // behind its brace
};

Slot slot_at(std::string_view text, size_t begin) {
  const size_t end = text.find('}', begin);
  if (end == text.npos) throw Error("'{}' has a brace that is not closed", text);
  const std::string_view inside = text.substr(begin + 1, end - begin - 1);
  const size_t space = std::min(inside.find(' '), inside.size());
  return {std::string(inside.substr(0, space)), std::string(inside.substr(space)), end + 1};
}

}  // namespace

// What was drawn for numbered slots so far.
struct Grammar::Sentence {
  core::Random& random;
  std::map<std::string, std::map<std::string, std::string>> drawn;  // name, number
};

Grammar::Grammar(std::map<std::string, std::vector<std::string>> productions)
    : productions_(std::move(productions)) {
  enum class State { unseen, open, done };
  std::map<std::string, State> states;
  const std::function<void(const std::string&)> visit = [&](const std::string& name) {
    State& state = states[name];
    if (state == State::open) throw Error("the productions of {{{}}} may never end", name);
    if (state == State::done) return;
    state = State::open;
    for (const std::string& text : this->productions(name))
      for (size_t at = text.find('{'); at != text.npos;) {
        const Slot slot = slot_at(text, at);
        visit(slot.name);
        at = text.find('{', slot.end);
      }
    states[name] = State::done;
  };
  for (const auto& [name, texts] : productions_) visit(name);
}

const std::vector<std::string>& Grammar::productions(const std::string& name) const {
  const auto found = productions_.find(name);
  if (found == productions_.end() || found->second.empty())
    throw Error("there are no productions of {{{}}}", name);
  return found->second;
}

std::string Grammar::expand(std::string_view text, Sentence& sentence) const {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    const size_t brace = std::min(text.find('{', at), text.size());
    result += text.substr(at, brace - at);
    if (brace == text.size()) break;
    const Slot slot = slot_at(text, brace);
    at = slot.end;
    const std::vector<std::string>& choices = productions(slot.name);
    const auto draw = [&] {
      return expand(choices[static_cast<size_t>(sentence.random.below(static_cast<int64_t>(choices.size())))],
                    sentence);
    };
    if (slot.number.empty()) {
      result += draw();
      continue;
    }
    auto& others = sentence.drawn[slot.name];
    if (!others.count(slot.number)) {
      if (others.size() >= choices.size())
        throw Error("'{}' wants more than the {} different productions of {{{}}}", text, choices.size(),
                    slot.name);
      std::string value = draw();
      const auto taken = [&] {
        return std::any_of(others.begin(), others.end(),
                           [&](const auto& other) { return other.second == value; });
      };
      while (taken()) value = draw();
      others[slot.number] = value;
    }
    result += others[slot.number];
  }
  return result;
}

std::vector<std::string> Grammar::draw_all(const std::vector<std::string>& texts,
                                           core::Random& random) const {
  Sentence sentence{random, {}};
  std::vector<std::string> results;
  for (const std::string& text : texts) results.push_back(expand(text, sentence));
  return results;
}

std::string Grammar::draw(const std::string& text, core::Random& random) const {
  return draw_all({text}, random).front();
}

std::string capitalized(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

}  // namespace lathe::data
