// SQuAD's JSON.
#include "lathe/data/squad.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

void read(std::string_view bytes) {
  for (const data::SquadPassage& passage : data::parse_squad(bytes, "dev.json"))
    for (const data::SquadQuestion& question : passage.questions) {
      require(!question.impossible || question.answers.empty(), "what is impossible has no answer");
      for (const data::SquadAnswer& answer : question.answers)
        require(passage.context.substr(static_cast<size_t>(answer.begin), answer.text.size()) == answer.text,
                "an answer stands in its context");
    }
}

std::vector<std::string> seeds() {
  return {
      R"({"version": "v2.0", "data": [{"title": "T", "paragraphs": [{"context": "Zoë met Ann.", "qas": [)"
      R"({"id": "1", "question": "Who?", "answers": [{"text": "Ann", "answer_start": 8}], "is_impossible": false},)"
      R"({"id": "2", "question": "When?", "answers": [], "is_impossible": true}]}]}]})"};
}

const bool registered = add_target({"squad", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
