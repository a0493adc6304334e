#include "lathe/data/question_pairs.h"

#include "lathe/core/error.h"
#include "lathe/data/grammar.h"
#include "lathe/data/wordnet.h"

namespace lathe::data {
namespace {

// Ways to ask the same about what a slot 1 or 2 names: two of one line are duplicates where the slot is the
// same.
const std::vector<std::vector<std::string>>& questions() {
  static const std::vector<std::vector<std::string>> kQuestions = {
      {"How do I {goal 1}?", "How can I {goal 1}?", "What is the best way to {goal 1}?",
       "What should I do to {goal 1}?", "Can you tell me how to {goal 1}?"},
      {"Is {person 1} a {job}?", "Does {person 1} work as a {job}?",
       "Is it true that {person 1} is a {job}?"},
      {"Is {person} a {job 1}?", "Does {person} work as a {job 1}?",
       "Is it true that {person} is a {job 1}?"},
      {"Where can I buy a {object 1}?", "Where do I get a {object 1}?", "Which shop sells a {object 1}?"},
      {"What do people in {place 1} eat?", "What is the food in {place 1} like?",
       "What food is eaten in {place 1}?"},
      {"How old is {person 1}?", "What is the age of {person 1}?", "When was {person 1} born?"},
      {"Why is {place 1} so {quality}?", "What makes {place 1} so {quality}?",
       "What is the reason that {place 1} is {quality}?"},
      {"Who is the best {job 1} in {place 2}?", "Which {job 1} in {place 2} is the best?"},
      {"How can I become more {trait 1}?", "How do I become more {trait 1}?",
       "What should I do to be more {trait 1}?"},
      {"Is a {object 1} worth the money?", "Should I spend money on a {object 1}?"},
      {"How far is it from {place 1} to {place 2}?", "What is the distance from {place 1} to {place 2}?"},
  };
  return kQuestions;
}

const Grammar& grammar() {
  static const Grammar kGrammar({
      {"goal",
       {"lose weight", "learn English", "make money online", "get a good job", "sleep better", "write a book",
        "learn to cook", "save money", "stop smoking", "find friends", "learn to drive", "gain weight",
        "get up early", "read faster", "start a company", "play the piano", "learn to code",
        "grow tomatoes"}},
      {"person",
       {"Anna Smith", "Maria Jones", "Laura Brown", "Emma Taylor", "Julia Clark", "Tom Lewis", "David Hall",
        "Peter Young", "Mark Allen", "Paul King", "Alice Wright", "James Scott"}},
      {"job",
       {"doctor", "teacher", "lawyer", "nurse", "waiter", "driver", "singer", "painter", "banker", "farmer",
        "writer", "reporter"}},
      {"object",
       {"phone", "laptop", "bicycle", "car", "camera", "watch", "guitar", "desk", "sofa", "lamp", "tent",
        "drone"}},
      {"place",
       {"France", "Japan", "India", "Brazil", "Canada", "Spain", "Egypt", "Kenya", "Peru", "Norway",
        "Vietnam", "Mexico"}},
      {"quality", {"rich", "famous", "expensive", "popular", "safe", "hot", "cold", "small"}},
      {"trait",
       {"patient", "confident", "creative", "polite", "organized", "productive", "humble", "outgoing",
        "careful", "optimistic", "generous", "attractive"}},
  });
  return kGrammar;
}

// The second question asks about another thing: its slots 1 become slots 3.
std::string about_another(std::string question) {
  for (size_t at; (at = question.find(" 1}")) != question.npos;) question[at + 1] = '3';
  return question;
}

QuestionPair grammar_pair(bool duplicate, core::Random& random) {
  const auto& all = questions();
  const auto& ways = all[static_cast<size_t>(random.below(static_cast<int64_t>(all.size())))];
  const std::vector<int64_t> order = random.permutation(static_cast<int64_t>(ways.size()));
  std::string first = ways[static_cast<size_t>(order[0])], second = ways[static_cast<size_t>(order[1])];
  // What both take for granted is the same in both.
  for (std::string* question : {&first, &second})
    for (const char* name : {"{person}", "{job}", "{quality}"})
      if (const size_t at = question->find(name); at != question->npos)
        question->insert(at + std::string(name).size() - 1, " 9");
  if (!duplicate) {
    second = about_another(second);
    // Mostly asked in the same words, so that how a question is asked says nothing.
    if (random.uniform() < 0.5) second = about_another(first);
  }
  const std::vector<std::string> pair = grammar().draw_all({first, second}, random);
  return {pair[0], pair[1], duplicate ? 1 : 0};
}

bool usable(const Gloss& gloss) {
  return !gloss.definition.empty() && gloss.definition.size() < 70 &&
         gloss.definition.find('(') == std::string::npos &&
         gloss.word.find_first_of(" 0123456789") == std::string::npos;
}

QuestionPair gloss_pair(const std::vector<Gloss>& glosses, bool duplicate, core::Random& random) {
  const auto draw = [&]() -> const Gloss& {
    return glosses[static_cast<size_t>(random.below(static_cast<int64_t>(glosses.size())))];
  };
  const Gloss &one = draw(), &other = duplicate ? one : draw();
  const bool word = random.uniform() < 0.5;
  const std::string first =
      word ? "What does " + one.word + " mean?" : "What do you call " + one.definition + "?";
  const std::string second =
      word ? "What is the meaning of " + other.word + "?" : "What is the word for " + other.definition + "?";
  return {first, second, duplicate || &one == &other ? 1 : 0};
}

}  // namespace

const std::vector<std::string>& question_pair_classes() {
  static const std::vector<std::string> kClasses = {"different", "duplicate"};
  return kClasses;
}

std::vector<QuestionPair> generate_question_pairs(int64_t count, core::Seed seed,
                                                  const QuestionPairOptions& options) {
  if (count < 1) throw InputError("a number of question pairs must be positive, got {}", count);
  std::vector<Gloss> glosses;
  if (options.glosses > 0)
    for (Gloss& gloss : read_wordnet())
      if (usable(gloss)) glosses.push_back(std::move(gloss));
  std::vector<QuestionPair> pairs;
  pairs.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    core::Random random = seed.stream("question pair").stream(static_cast<uint64_t>(i)).random();
    const bool duplicate = random.uniform() < 0.5;
    pairs.push_back(random.uniform() < options.glosses ? gloss_pair(glosses, duplicate, random)
                                                       : grammar_pair(duplicate, random));
  }
  return pairs;
}

}  // namespace lathe::data
