#include "lathe/evaluate/checklist/export.h"

#include <algorithm>

#include "lathe/core/error.h"
#include "lathe/data/text.h"

namespace lathe::evaluate::checklist {
namespace {

using Json = nlohmann::json;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  return text;
}

std::string tsv(const std::vector<std::string>& fields, const std::vector<Example>& examples) {
  std::string text = "id";
  for (const std::string& field : fields) text += '\t' + one_line(field);
  for (size_t i = 0; i < examples.size(); ++i) {
    text += '\n' + std::to_string(i);
    for (const std::string& value : examples[i]) text += '\t' + one_line(value);
  }
  return text + '\n';
}

std::string squad(const Suite& suite, const Job& job) {
  if (suite.fields.size() != 2)
    throw InputError("squad holds a context and a question; the suite's inputs have {} texts",
                     suite.fields.size());
  const size_t context = suite.fields[1] == "passage" || suite.fields[1] == "context" ? 1 : 0;
  Json paragraphs = Json::array();
  size_t at = 0;
  for (const Test& test : suite.tests) {
    for (int64_t i = 0; i < test.num_run(); ++i) {
      const int64_t index = test.run_case(i);
      const Label* labels = test.cases.labels_of(index);
      for (int64_t e = 0; e < test.cases.end(index) - test.cases.begin(index); ++e, ++at) {
        const Example& example = job.examples[at];
        Json answers = Json::array();
        if (labels != nullptr) {
          const std::string& answer = labels[static_cast<size_t>(e) * test.cases.label_stride()].text;
          const size_t start = example[context].find(answer);
          if (start != std::string::npos) answers.push_back({{"text", answer}, {"answer_start", start}});
        }
        const Json question = {
            {"id", std::to_string(at)}, {"question", example[1 - context]}, {"answers", answers}};
        paragraphs.push_back({{"context", example[context]}, {"qas", Json::array({question})}});
      }
    }
  }
  return dump({{"version", "1.1"},
               {"data", Json::array({{{"title", suite.name}, {"paragraphs", paragraphs}}})}}) +
         '\n';
}

}  // namespace

ExportFormat parse_export_format(const std::string& name) {
  if (name == "lines") return ExportFormat::kLines;
  if (name == "tsv") return ExportFormat::kTsv;
  if (name == "jsonl") return ExportFormat::kJsonl;
  if (name == "squad") return ExportFormat::kSquad;
  throw InputError("examples are exported as lines, tsv, jsonl or squad, got '{}'", data::excerpt(name));
}

Json example_json(const std::vector<std::string>& fields, const Example& example) {
  Json flat = Json::object();
  for (size_t f = 0; f < fields.size(); ++f) flat['/' + fields[f]] = example[f];
  try {
    Json nested = flat.unflatten();
    return nested.is_object() ? nested : Json{{"input", nested}};
  } catch (const Json::exception&) {
    throw InputError("JSON cannot hold the fields {}: one lies inside of another", fmt::join(fields, ", "));
  }
}

std::string examples_text(const std::vector<std::string>& fields, const std::vector<Example>& examples,
                          ExportFormat format) {
  if (format == ExportFormat::kTsv) return tsv(fields, examples);
  std::string text;
  if (format == ExportFormat::kJsonl) {
    for (size_t i = 0; i < examples.size(); ++i) {
      Json record = example_json(fields, examples[i]);
      record["id"] = i;
      text += dump(record) + '\n';
    }
    return text;
  }
  if (format != ExportFormat::kLines || fields.size() != 1)
    throw InputError("lines hold one text, and the inputs have {}: use tsv or jsonl", fields.size());
  for (const Example& example : examples) text += one_line(example[0]) + '\n';
  return text;
}

std::string export_text(const Suite& suite, ExportFormat format) {
  const Job job = flatten(suite);
  return format == ExportFormat::kSquad ? squad(suite, job)
                                        : examples_text(suite.fields, job.examples, format);
}

}  // namespace lathe::evaluate::checklist
