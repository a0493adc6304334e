#include "lathe/data/passages.h"

#include "lathe/core/error.h"
#include "lathe/data/grammar.h"
#include "lathe/data/wordnet.h"

namespace lathe::data {
namespace {

// What is said of a person, and how to ask who it is. "{X}" is the person.
struct Fact {
  std::string statement, question;
};

const std::vector<Fact>& facts() {
  static const std::vector<Fact> kFacts = {
      {"{X} is a {job 1}.", "Who is a {job 1}?"},
      {"{X} works as a {job 1}.", "Who works as a {job 1}?"},
      {"{X} lives in {city 1}.", "Who lives in {city 1}?"},
      {"{X} has a {colour 1} {object 1}.", "Who has a {colour 1} {object 1}?"},
      {"{X} bought a {object 1}.", "Who bought a {object 1}?"},
      {"{X} is very {trait 1}.", "Who is {trait 1}?"},
      {"{X} likes to {hobby 1}.", "Who likes to {hobby 1}?"},
      {"{X} was born in {city 1}.", "Who was born in {city 1}?"},
      {"{X} is {older 1} than {Y}.", "Who is {older 1}?"},
  };
  return kFacts;
}

const Grammar& grammar() {
  static const Grammar kGrammar({
      {"name", {"Anna",  "Maria", "Laura", "Emma", "Julia", "Tom",   "David", "Peter", "Mark", "Paul",
                "Alice", "James", "Nina",  "Eric", "Susan", "Frank", "Helen", "Oscar", "Rita", "Simon"}},
      {"job",
       {"doctor", "teacher", "lawyer", "nurse", "waiter", "driver", "singer", "painter", "banker", "farmer",
        "writer", "reporter"}},
      {"city", {"Boston", "Paris", "Madrid", "Tokyo", "Lima", "Oslo", "Cairo", "Berlin", "Toronto", "Delhi"}},
      {"colour", {"red", "blue", "green", "black", "white", "yellow"}},
      {"object", {"phone", "laptop", "bicycle", "car", "camera", "watch", "guitar", "desk", "sofa", "lamp"}},
      {"trait",
       {"patient", "funny", "creative", "polite", "shy", "clever", "humble", "brave", "careful", "kind"}},
      {"hobby", {"swim", "dance", "cook", "paint", "read", "run", "sing", "travel"}},
      {"older", {"older", "taller", "richer", "faster", "stronger", "smarter"}},
  });
  return kGrammar;
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (size_t at = 0; (at = text.find(what, at)) != text.npos; at += with.size())
    text.replace(at, what.size(), with);
  return text;
}

// The slots of fact number k are its own.
std::string numbered(const std::string& text, int64_t k) {
  return replaced(text, " 1}", fmt::format(" {}}}", k));
}

Passage facts_passage(core::Random& random) {
  const int64_t people = 2 + random.below(3);
  const auto asked = random.below(people);
  const int64_t shared = random.below(static_cast<int64_t>(facts().size()));
  Passage passage;
  std::vector<std::string> texts;
  const auto name = [](int64_t i) { return fmt::format("{{name {}}}", i); };
  // All facts of one kind, or each of its own.
  const bool same_kind = random.uniform() < 0.5;
  for (int64_t i = 0; i < people; ++i) {
    const int64_t kind =
        same_kind || i == asked ? shared : random.below(static_cast<int64_t>(facts().size()));
    const bool comparison = facts()[static_cast<size_t>(kind)].statement.find("{Y}") != std::string::npos;
    if (comparison && i != asked) continue;  // one comparison a passage: the others would answer too
    texts.push_back(numbered(facts()[static_cast<size_t>(kind)].statement, i));
    texts.back() = replaced(replaced(texts.back(), "{X}", name(i)), "{Y}", name((i + 1) % people));
  }
  texts.push_back(numbered(facts()[static_cast<size_t>(shared)].question, asked));
  texts.push_back(name(asked));
  std::vector<std::string> drawn = grammar().draw_all(texts, random);
  passage.answer = std::move(drawn.back());
  drawn.pop_back();
  passage.question = std::move(drawn.back());
  drawn.pop_back();
  for (const std::string& sentence : drawn) passage.text += (passage.text.empty() ? "" : " ") + sentence;
  passage.answer_begin = static_cast<int64_t>(passage.text.find(passage.answer));
  return passage;
}

bool usable(const Gloss& gloss) {
  return gloss.part_of_speech == PartOfSpeech::noun && !gloss.definition.empty() &&
         gloss.definition.size() < 50 && gloss.definition.find_first_of("();:\"'`") == std::string::npos &&
         gloss.definition.find(gloss.word) == std::string::npos &&
         gloss.word.find_first_of(" 0123456789.'") == std::string::npos;
}

Passage gloss_passage(const std::vector<Gloss>& glosses, core::Random& random) {
  Passage passage;
  const int64_t asked = random.below(3);
  for (int64_t i = 0; i < 3; ++i) {
    const Gloss& gloss = glosses[static_cast<size_t>(random.below(static_cast<int64_t>(glosses.size())))];
    const std::string before = passage.text + (i > 0 ? " " : "") + "The word ";
    passage.text = before + gloss.word + " means " + gloss.definition + ".";
    if (i != asked) continue;
    passage.question = "Which word means " + gloss.definition + "?";
    passage.answer = gloss.word;
    passage.answer_begin = static_cast<int64_t>(before.size());
  }
  return passage;
}

}  // namespace

std::vector<Passage> generate_passages(int64_t count, core::Seed seed, const PassageOptions& options) {
  if (count < 1) throw InputError("a number of passages must be positive, got {}", count);
  std::vector<Gloss> glosses;
  if (options.glosses > 0)
    for (Gloss& gloss : read_wordnet())
      if (usable(gloss)) glosses.push_back(std::move(gloss));
  std::vector<Passage> passages;
  passages.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    core::Random random = seed.stream("passage").stream(static_cast<uint64_t>(i)).random();
    passages.push_back(random.uniform() < options.glosses ? gloss_passage(glosses, random)
                                                          : facts_passage(random));
  }
  return passages;
}

}  // namespace lathe::data
