#include "lathe/data/squad.h"

#include <unicode/utf8.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/json.h"
#include "lathe/data/text.h"

namespace lathe::data {
namespace {

using Json = nlohmann::json;

const Json& member(const Json& object, const char* key, Json::value_t type, const std::string& where) {
  if (!object.is_object() || !object.contains(key) || object.at(key).type() != type)
    throw InputError("{}: '{}' is missing or of the wrong type; it must be {}", where, key,
                     type == Json::value_t::array ? "a list" : "text");
  return object.at(key);
}

const Json& list(const Json& object, const char* key, const std::string& where) {
  return member(object, key, Json::value_t::array, where);
}

std::string text(const Json& object, const char* key, const std::string& where) {
  return member(object, key, Json::value_t::string, where).get<std::string>();
}

// Byte of the code point with this number; npos beyond the text's end.
size_t byte_of(std::string_view text, int64_t code_point) {
  size_t byte = 0;
  for (int64_t i = 0; i < code_point; ++i) {
    if (byte >= text.size()) return text.npos;
    ++byte;
    while (byte < text.size() && U8_IS_TRAIL(text[byte])) ++byte;
  }
  return byte;
}

SquadAnswer read_answer(const Json& json, const std::string& context, const std::string& where) {
  SquadAnswer answer{text(json, "text", where)};
  const Json& start = json.contains("answer_start") ? json.at("answer_start") : Json();
  if (!start.is_number_integer() || start.get<int64_t>() < 0)
    throw InputError("{}: 'answer_start' must be a whole number at least 0", where);
  const size_t begin = byte_of(context, start.get<int64_t>());
  if (answer.text.empty() || begin == std::string::npos ||
      std::string_view(context).substr(begin, answer.text.size()) != answer.text)
    throw InputError("{}: the answer '{}' does not stand at character {} of the context", where,
                     excerpt(answer.text), start.get<int64_t>());
  answer.begin = static_cast<int64_t>(begin);
  return answer;
}

SquadQuestion read_question(const Json& json, const std::string& context, const std::string& where) {
  SquadQuestion question{text(json, "id", where), text(json, "question", where), {}, false};
  question.impossible = json.contains("is_impossible") && json.at("is_impossible") == true;
  if (question.impossible) return question;
  const Json& answers = list(json, "answers", where);
  for (size_t i = 0; i < answers.size(); ++i)
    question.answers.push_back(read_answer(answers[i], context, fmt::format("{}.answers[{}]", where, i)));
  return question;
}

}  // namespace

std::vector<SquadPassage> parse_squad(std::string_view bytes, const std::string& name) {
  const Json json = core::parse_json(bytes, name, "it must be a file of SQuAD 1.1 or 2.0");
  std::vector<SquadPassage> passages;
  const Json& articles = list(json, "data", name);
  for (size_t a = 0; a < articles.size(); ++a) {
    const std::string article = fmt::format("{}: data[{}]", name, a);
    const Json& paragraphs = list(articles[a], "paragraphs", article);
    for (size_t p = 0; p < paragraphs.size(); ++p) {
      const std::string where = fmt::format("{}.paragraphs[{}]", article, p);
      SquadPassage& passage = passages.emplace_back();
      if (articles[a].contains("title")) passage.title = text(articles[a], "title", article);
      passage.context = text(paragraphs[p], "context", where);
      const Json& questions = list(paragraphs[p], "qas", where);
      for (size_t q = 0; q < questions.size(); ++q)
        passage.questions.push_back(
            read_question(questions[q], passage.context, fmt::format("{}.qas[{}]", where, q)));
    }
  }
  if (passages.empty()) throw InputError("{}: there is no paragraph", name);
  return passages;
}

std::vector<SquadPassage> read_squad(const std::filesystem::path& file) {
  return parse_squad(core::read_file(file), file.string());
}

}  // namespace lathe::data
