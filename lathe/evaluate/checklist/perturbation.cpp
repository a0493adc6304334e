#include "lathe/evaluate/checklist/perturbation.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/data/text.h"
#include "lathe/evaluate/checklist/perturbations.h"

namespace lathe::evaluate::checklist {
namespace {

std::string list_of(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list;
}

// The arguments of a call, by name.
class Arguments {
 public:
  Arguments(std::string call, std::map<std::string, std::string> values)
      : call_(std::move(call)), values_(std::move(values)) {}
  int64_t count(const std::string& name, int64_t otherwise) const {
    constexpr int64_t kMost = 10'000;
    const auto found = values_.find(name);
    if (found == values_.end()) return otherwise;
    int64_t value = 0;
    const char* end = found->second.data() + found->second.size();
    const auto [last, error] = std::from_chars(found->second.data(), end, value);
    if (error != std::errc() || last != end || value < 1 || value > kMost)
      throw InputError("{}: {} must be a number from 1 to {}, got '{}'", call_, name, kMost,
                       data::excerpt(found->second));
    return value;
  }
  std::string text(const std::string& name) const {
    const auto found = values_.find(name);
    if (found == values_.end()) throw InputError("{}: there is no {}", call_, name);
    return found->second;
  }
  // One of the words; the first is the default.
  std::string choice(const std::string& name, const std::vector<std::string>& words) const {
    const auto found = values_.find(name);
    if (found == values_.end()) return words.front();
    if (std::find(words.begin(), words.end(), found->second) == words.end())
      throw InputError("{}: {} must be one of {}, got '{}'", call_, name, list_of(words),
                       data::excerpt(found->second));
    return found->second;
  }

 private:
  std::string call_;
  std::map<std::string, std::string> values_;
};

struct Entry {
  PerturbationHelp help;
  std::vector<std::string> parameters;  // in the order of positions
  std::function<Perturbation(const Arguments&)> make;
};

// Of a function of the text alone.
Entry plain(const std::string& name, const std::string& text, Variants (*function)(const std::string&)) {
  return {{name, name, text}, {}, [function](const Arguments&) {
            return [function](const std::string& t, core::Random&) { return function(t); };
          }};
}

constexpr int64_t kVariants = 10;  // Ribeiro et al.'s tool

// Of one that draws at most n variants.
Entry drawing(const std::string& name, const std::string& text,
              Variants (*function)(const std::string&, int64_t, core::Random&)) {
  return {{name, name + "(n=10)", text}, {"n"}, [function](const Arguments& arguments) {
            const int64_t n = arguments.count("n", kVariants);
            return
                [function, n](const std::string& t, core::Random& random) { return function(t, n, random); };
          }};
}

// Of one that makes k mistakes.
Entry mistaking(const std::string& name, const std::string& text,
                Variants (*function)(const std::string&, int64_t, int64_t, core::Random&)) {
  return {{name, name + "(k=1, n=1)", text}, {"k", "n"}, [function](const Arguments& arguments) {
            const int64_t k = arguments.count("k", 1), n = arguments.count("n", 1);
            return [function, k, n](const std::string& t, core::Random& random) {
              return function(t, k, n, random);
            };
          }};
}

// Of one with a text.
Entry with_text(const std::string& name, const std::string& parameter, const std::string& text,
                Variants (*function)(const std::string&, const std::string&)) {
  return {{name, name + "(" + parameter + ")", text},
          {parameter},
          [function, parameter](const Arguments& arguments) {
            return [function, value = arguments.text(parameter)](const std::string& t, core::Random&) {
              return function(t, value);
            };
          }};
}

Entry swapping(const std::string& name, const std::string& text, WordRelation relation) {
  return {{name, name + "(n=10)", text}, {"n"}, [relation](const Arguments& arguments) {
            const int64_t n = arguments.count("n", kVariants);
            return [relation, n](const std::string& t, core::Random& random) {
              return swap_words(t, relation, n, random);
            };
          }};
}

Perturbation make_change_names(const Arguments& arguments) {
  const std::string part = arguments.choice("part", {"both", "first_only", "last_only"});
  const NamePart which = part == "both"         ? NamePart::both
                         : part == "first_only" ? NamePart::first
                                                : NamePart::last;
  const int64_t n = arguments.count("n", kVariants);
  return [which, n](const std::string& text, core::Random& random) {
    return change_names(text, which, n, random);
  };
}

Perturbation make_add_sentence(const Arguments& arguments) {
  const bool before = arguments.choice("place", {"after", "before"}) == "before";
  return [before, sentence = arguments.text("text")](const std::string& text, core::Random&) {
    return add_sentence(text, sentence, before ? SentencePlace::before : SentencePlace::after);
  };
}

const std::vector<Entry>& entries() {
  static const std::vector<Entry> all = {
      mistaking("typos", "swaps k random characters with their right neighbours", typos),
      mistaking("keyboard_typo", "replaces k random letters by neighbours on the keyboard", keyboard_typos),
      plain("punctuation", "without punctuation at the end, and with a full stop", punctuation),
      plain("lowercase", "in small letters", lowercase),
      plain("uppercase", "in capital letters", uppercase),
      plain("contract", "is not → isn't, I am → I'm, …", contract),
      plain("expand", "isn't → is not, I'm → I am, …", expand_contractions),
      plain("contractions", "contract and expand", contractions),
      {{"change_names", "change_names(both, n=10)",
        "other names of the same gender for persons; first_only, last_only: a part of the name"},
       {"part", "n"},
       make_change_names},
      drawing("change_locations", "other cities for cities, other countries for countries", change_locations),
      drawing("change_numbers", "other whole numbers, at most 20 % away; 2 and 4 stay", change_numbers),
      plain("change_pronouns", "he ↔ she, his ↔ her, …", change_pronouns),
      plain("negate", "like → don't like, is → is not, …", negate),
      plain("remove_negation", "don't like → like, is not → is, …", remove_negation),
      swapping("synonyms", "one word becomes a synonym that suits the text", WordRelation::synonym),
      swapping("antonyms", "one word becomes an antonym that suits the text", WordRelation::antonym),
      swapping("hypernyms", "one word becomes a more general one that suits the text",
               WordRelation::hypernym),
      plain("swap_args", "Mary saw John → John saw Mary", swap_args),
      plain("active_passive", "Mary saw John ↔ John was seen by Mary", active_passive),
      drawing("add_random_url_handle", "a random https://t.co/… or @… before or after",
              add_random_url_handle),
      {{"add_sentence", "add_sentence(text, after)", "one more sentence; before: at the beginning"},
       {"text", "place"},
       make_add_sentence},
      with_text("append", "text", "the text behind, as it is", append),
      with_text("prepend", "text", "the text before, as it is", prepend),
      with_text("strip", "text", "without that text at the end", strip),
      with_text("command", "cmd", "a shell command of yours: reads a line, prints a JSON list of texts",
                run_command)};
  return all;
}

// The call taken apart: name(argument, name="argument").
class CallParser {
 public:
  explicit CallParser(const std::string& call) : call_(call) {}
  std::string name() {
    skip_spaces();
    const std::string name = word();
    if (name.empty()) fail("a perturbation is like typos(1)");
    return name;
  }
  // Each with its name, "" where it has none.
  std::vector<std::pair<std::string, std::string>> arguments() {
    std::vector<std::pair<std::string, std::string>> all;
    skip_spaces();
    if (at_ == call_.size()) return all;
    expect('(');
    skip_spaces();
    if (peek() == ')') {
      ++at_;
    } else {
      do all.push_back(argument());
      while (take(','));
      expect(')');
    }
    skip_spaces();
    if (at_ != call_.size()) fail("nothing may follow the ')'");
    return all;
  }

 private:
  char peek() const { return at_ < call_.size() ? call_[at_] : '\0'; }
  bool take(char c) {
    skip_spaces();
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail(fmt::format("there is no '{}'", c));
  }
  void skip_spaces() {
    while (peek() == ' ' || peek() == '\t') ++at_;
  }
  static bool in_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  }
  std::string word() {
    const size_t begin = at_;
    while (in_word(peek())) ++at_;
    return call_.substr(begin, at_ - begin);
  }
  std::pair<std::string, std::string> argument() {
    skip_spaces();
    const size_t begin = at_;
    const std::string name = word();
    if (!name.empty() && take('=')) return {name, value()};
    at_ = begin;
    return {"", value()};
  }
  std::string value() {
    skip_spaces();
    const char quote = peek();
    if (quote == '"' || quote == '\'') return quoted(quote);
    const size_t begin = at_;
    while (at_ < call_.size() && peek() != ',' && peek() != ')') ++at_;
    return std::string(data::trim(std::string_view(call_).substr(begin, at_ - begin)));
  }
  std::string quoted(char quote) {
    std::string text;
    for (++at_; peek() != quote; ++at_) {
      if (at_ >= call_.size()) fail(fmt::format("a quotation has no closing {}", quote));
      if (peek() == '\\' && at_ + 1 < call_.size()) ++at_;
      text += peek();
    }
    ++at_;
    return text;
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw InputError("the perturbation '{}' cannot be read at character {}: {}", data::excerpt(call_),
                     at_ + 1, what);
  }

  const std::string& call_;
  size_t at_ = 0;
};

const Entry& find_entry(const std::string& name) {
  for (const Entry& entry : entries())
    if (entry.help.name == name) return entry;
  const auto nearest = core::nearest(name, perturbation_names());
  throw InputError(
      "there is no perturbation '{}'{}", data::excerpt(name),
      nearest ? "; did you mean " + *nearest + "?" : "; there are " + list_of(perturbation_names()));
}

Arguments match(const Entry& entry, std::vector<std::pair<std::string, std::string>> given) {
  const std::string& usage = entry.help.usage;
  std::map<std::string, std::string> values;
  for (size_t i = 0; i < given.size(); ++i) {
    auto& [name, value] = given[i];
    if (name.empty()) {
      if (i >= entry.parameters.size())
        throw InputError("{} has {} arguments, got {}", usage, entry.parameters.size(), given.size());
      name = entry.parameters[i];
    }
    if (std::find(entry.parameters.begin(), entry.parameters.end(), name) == entry.parameters.end())
      throw InputError("{} has no argument '{}'", usage, data::excerpt(name));
    if (!values.emplace(name, value).second) throw InputError("{}: {} is there twice", usage, name);
  }
  return {usage, values};
}

}  // namespace

Perturbation parse_perturbation(const std::string& call) {
  CallParser parser(call);
  const Entry& entry = find_entry(parser.name());
  Perturbation perturb = entry.make(match(entry, parser.arguments()));
  return [perturb = std::move(perturb)](const std::string& text, core::Random& random) {
    Variants variants = perturb(text, random);
    std::set<std::string> seen = {text};
    variants.erase(std::remove_if(variants.begin(), variants.end(),
                                  [&](const Variant& variant) { return !seen.insert(variant.text).second; }),
                   variants.end());
    return variants;
  };
}

bool runs_program(const std::string& call) {
  return CallParser(call).name() == "command";
}

const std::vector<PerturbationHelp>& perturbation_help() {
  static const std::vector<PerturbationHelp> help = [] {
    std::vector<PerturbationHelp> all;
    for (const Entry& entry : entries()) all.push_back(entry.help);
    return all;
  }();
  return help;
}

std::vector<std::string> perturbation_names() {
  std::vector<std::string> names;
  for (const PerturbationHelp& help : perturbation_help()) names.push_back(help.name);
  return names;
}

}  // namespace lathe::evaluate::checklist
