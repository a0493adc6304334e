#include "lathe/evaluate/checklist/prediction_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/json.h"
#include "lathe/data/text.h"

namespace lathe::evaluate::checklist {
namespace {

using Json = nlohmann::json;

const std::vector<std::pair<std::string, PredictionFormat>>& formats() {
  static const std::vector<std::pair<std::string, PredictionFormat>> table = {
      {"pred_only", PredictionFormat::kPredOnly},
      {"softmax", PredictionFormat::kSoftmax},
      {"binary_conf", PredictionFormat::kBinaryConf},
      {"pred_and_conf", PredictionFormat::kPredAndConf},
      {"pred_and_softmax", PredictionFormat::kPredAndSoftmax},
      {"jsonl", PredictionFormat::kJsonl},
      {"squad", PredictionFormat::kSquad}};
  return table;
}

void skip_spaces(std::string_view& text) {
  while (!text.empty() && (text[0] == ' ' || text[0] == '\t')) text.remove_prefix(1);
}

// The first of the largest.
int64_t largest(const std::vector<float>& values) {
  return std::max_element(values.begin(), values.end()) - values.begin();
}

// Reads predictions line by line; knows where it is.
class Reader {
 public:
  Reader(PredictionFormat format, const std::vector<std::string>& classes, const std::string& name)
      : format_(format), classes_(classes), name_(name) {}

  std::vector<Prediction> read(std::string_view text, int64_t num_examples) {
    std::vector<Prediction> predictions;
    predictions.reserve(
        static_cast<size_t>(std::min<int64_t>(num_examples, static_cast<int64_t>(text.size()))));
    while (!text.empty()) {
      const size_t newline = text.find('\n');
      std::string_view line = text.substr(0, newline);
      text.remove_prefix(newline == text.npos ? text.size() : newline + 1);
      ++line_;
      if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      if (static_cast<int64_t>(predictions.size()) == num_examples)
        fail(fmt::format("a prediction too many: the suite has {} examples", num_examples));
      predictions.push_back(prediction(line));
    }
    if (static_cast<int64_t>(predictions.size()) < num_examples)
      fail(fmt::format("the file ends after {} predictions, and the suite has {} examples",
                       predictions.size(), num_examples));
    return predictions;
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw InputError("{}:{}: {}", name_, line_, message);
  }

  Prediction prediction(std::string_view line) const {
    switch (format_) {
      case PredictionFormat::kSoftmax: {
        Prediction result;
        result.confidence = softmax(line);
        result.label = largest(result.confidence);
        return result;
      }
      case PredictionFormat::kBinaryConf: {
        if (classes_.size() != 2)
          fail(fmt::format("binary_conf is for two classes, and the suite has {}", classes_.size()));
        const float p = probability(line);
        end(line);
        return {.label = p >= 0.5f ? 1 : 0, .text = "", .confidence = {1 - p, p}};
      }
      case PredictionFormat::kPredAndConf: {
        Prediction result = answer_before_confidence(line);
        result.confidence = {probability(line)};
        end(line);
        return result;
      }
      case PredictionFormat::kPredAndSoftmax: {
        Prediction result;
        result.label = leading_class(line);
        result.confidence = softmax(line);
        return result;
      }
      case PredictionFormat::kJsonl:
        return from_json(
            core::parse_json(line, fmt::format("{}:{}", name_, line_), "each line is one JSON object"));
      default:
        return answer(line);
    }
  }

  // A class, or a text.
  Prediction answer(std::string_view text) const {
    if (!classes_.empty()) return {.label = class_of(data::trim(text))};
    if (!data::is_utf8(text)) fail("the answer is not UTF-8");
    return {.text = std::string(text)};
  }

  int64_t class_of(std::string_view text) const {
    int64_t index = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    if (error == std::errc() && end == text.data() + text.size() && index >= 0 &&
        index < static_cast<int64_t>(classes_.size()))
      return index;
    const auto found = std::find(classes_.begin(), classes_.end(), text);
    if (found == classes_.end())
      fail(fmt::format("'{}' is no class; there are {}, and their numbers from 0", data::excerpt(text),
                       fmt::join(classes_, ", ")));
    return found - classes_.begin();
  }

  // Takes the class off the front. Names may have spaces: the longest that fits counts.
  int64_t leading_class(std::string_view& line) const {
    skip_spaces(line);
    size_t length = std::min(line.find_first_of(" \t"), line.size());
    for (const std::string& name : classes_) {
      const bool ends = line.size() == name.size() || (line.size() > name.size() && line[name.size()] == ' ');
      if (name.size() > length && ends && line.substr(0, name.size()) == name) length = name.size();
    }
    const int64_t index = class_of(line.substr(0, length));
    line.remove_prefix(length);
    return index;
  }

  Prediction answer_before_confidence(std::string_view& line) const {
    if (!classes_.empty()) return {.label = leading_class(line)};
    const size_t space = line.find_last_of(' ');
    if (space == line.npos) fail("an answer and a confidence, parted by a space, are expected");
    Prediction result = answer(line.substr(0, space));
    line.remove_prefix(space);
    return result;
  }

  float probability(std::string_view& line) const {
    skip_spaces(line);
    float value = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
    const bool whole = end == line.data() + line.size() || *end == ' ' || *end == '\t';
    // A denormal number that rounds to 0 is no mistake.
    const bool tiny =
        error == std::errc::result_out_of_range &&
        std::string_view(line.data(), static_cast<size_t>(end - line.data())).find("e-") != line.npos;
    if ((error != std::errc() && !tiny) || !whole)
      fail(fmt::format("a probability is expected, got '{}'",
                       data::excerpt(line.substr(0, line.find_first_of(" \t")))));
    check_probability(value);
    line.remove_prefix(static_cast<size_t>(end - line.data()));
    return value;
  }

  void check_probability(float value) const {
    if (!(value >= 0 && value <= 1)) fail(fmt::format("a probability lies in [0, 1], got {}", value));
  }

  void end(std::string_view line) const {
    if (!data::trim(line).empty())
      fail(fmt::format("nothing more is expected, got '{}'", data::excerpt(data::trim(line))));
  }

  std::vector<float> softmax(std::string_view line) const {
    std::vector<float> values;
    values.reserve(classes_.size());
    skip_spaces(line);
    while (!line.empty()) {
      values.push_back(probability(line));
      skip_spaces(line);
    }
    check_softmax(values);
    return values;
  }

  void check_softmax(const std::vector<float>& values) const {
    constexpr double kSlack = 1e-3;
    if (values.size() != classes_.size() || values.empty())
      fail(fmt::format("{} probabilities are expected, one a class, got {}", classes_.size(), values.size()));
    double sum = 0;
    for (float value : values) sum += value;
    if (std::abs(sum - 1) > kSlack)
      fail(fmt::format("the probabilities sum to {:.4g}, and must to 1 ± 0.001", sum));
  }

  Prediction from_json(const Json& json) const {
    if (!json.is_object()) fail("a JSON object is expected");
    Prediction result;
    if (const auto confidence = json.find("confidence"); confidence != json.end()) {
      const bool list = confidence->is_array();
      for (const Json& value : list ? *confidence : Json::array({*confidence})) {
        if (!value.is_number()) fail("\"confidence\" must be a number, or one a class");
        result.confidence.push_back(value.get<float>());
        check_probability(result.confidence.back());
      }
      if (list) check_softmax(result.confidence);
    }
    const auto label = json.find(classes_.empty() ? "text" : "label");
    if (label == json.end()) {
      if (classes_.empty() || result.confidence.size() != classes_.size() || classes_.size() < 2)
        fail(classes_.empty() ? "the key \"text\" is missing" : "the key \"label\" is missing");
      result.label = largest(result.confidence);
    } else if (label->is_string() || label->is_number_integer()) {
      const Prediction named = answer(label->is_string() ? label->get<std::string>() : label->dump());
      result.label = named.label;
      result.text = named.text;
    } else {
      fail(classes_.empty() ? "\"text\" must be a text" : "\"label\" must be a class's name or number");
    }
    return result;
  }

  PredictionFormat format_;
  const std::vector<std::string>& classes_;
  const std::string& name_;
  int64_t line_ = 0;
};

std::vector<Prediction> from_squad(std::string_view text, int64_t num_examples, const std::string& name) {
  const Json json = core::parse_json(text, name, "it is one object {id: answer}");
  if (!json.is_object()) throw InputError("{} must be one JSON object {{id: answer}}", name);
  std::vector<Prediction> predictions(static_cast<size_t>(num_examples));
  if (static_cast<int64_t>(json.size()) != num_examples)
    throw InputError("{} has {} answers, and the suite has {} examples", name, json.size(), num_examples);
  for (int64_t i = 0; i < num_examples; ++i) {
    const auto answer = json.find(std::to_string(i));
    if (answer == json.end() || !answer->is_string())
      throw InputError("{}: the answer \"{}\" {}", name, i,
                       answer == json.end() ? "is missing" : "must be a text");
    predictions[static_cast<size_t>(i)].text = answer->get<std::string>();
  }
  return predictions;
}

}  // namespace

PredictionFormat parse_prediction_format(const std::string& name) {
  for (const auto& [known, format] : formats())
    if (known == name) return format;
  const auto near = core::nearest(name, prediction_format_names());
  throw InputError("there is no prediction format '{}'{}", data::excerpt(name),
                   near ? ", did you mean " + *near + "?"
                        : fmt::format("; there are {}", fmt::join(prediction_format_names(), ", ")));
}

std::vector<std::string> prediction_format_names() {
  std::vector<std::string> names;
  for (const auto& [name, format] : formats()) names.push_back(name);
  return names;
}

std::vector<Prediction> parse_predictions(std::string_view text, PredictionFormat format,
                                          const std::vector<std::string>& classes, int64_t num_examples,
                                          const std::string& name) {
  const bool probabilities = format == PredictionFormat::kSoftmax ||
                             format == PredictionFormat::kBinaryConf ||
                             format == PredictionFormat::kPredAndSoftmax;
  if (classes.empty() && probabilities)
    throw InputError("{}: the suite's answers are texts; pred_only, pred_and_conf, jsonl and squad hold such",
                     name);
  if (format != PredictionFormat::kSquad) return Reader(format, classes, name).read(text, num_examples);
  if (!classes.empty())
    throw InputError("{}: squad holds answers that are texts, and the suite has classes", name);
  return from_squad(text, num_examples, name);
}

std::vector<Prediction> read_predictions(const std::filesystem::path& file, PredictionFormat format,
                                         const std::vector<std::string>& classes, int64_t num_examples) {
  return parse_predictions(core::read_file(file), format, classes, num_examples, file.string());
}

}  // namespace lathe::evaluate::checklist
