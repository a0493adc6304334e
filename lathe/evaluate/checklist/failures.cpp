#include "lathe/evaluate/checklist/failures.h"

#include <algorithm>

#include "lathe/core/error.h"
#include "lathe/core/table.h"

namespace lathe::evaluate::checklist {
namespace {

using Json = nlohmann::json;

struct Failure {
  Example example;
  std::string label;
};

std::string label_text(const Results& results, int64_t index, const std::string& text) {
  return index >= 0 ? results.suite.classes[static_cast<size_t>(index)] : text;
}

std::vector<Failure> failures(const Results& results) {
  std::vector<Failure> list;
  size_t at = 0;
  for (size_t t = 0; t < results.tests.size(); ++t) {
    const Test& test = results.suite.tests[t];
    for (int64_t c = 0, in_test = 0; c < test.num_run(); ++c) {
      const int64_t index = test.run_case(c), size = test.cases.end(index) - test.cases.begin(index);
      const Label* labels = test.cases.labels_of(index);
      const Prediction& original = results.predictions[at];
      for (int64_t e = 0; e < size; ++e, ++in_test, ++at) {
        const bool counts = test.type == TestType::kMft || e > 0;
        if (!counts || !(results.tests[t].outcomes[static_cast<size_t>(in_test)] <= 0)) continue;
        std::string text;
        if (labels != nullptr) {
          const Label& label = labels[static_cast<size_t>(e) * test.cases.label_stride()];
          text = label_text(results, label.index, label.text);
        } else if (test.type == TestType::kInv) {
          text = label_text(results, original.label, original.text);
        } else {
          continue;
        }
        list.push_back({test.cases.example(test.cases.begin(index) + e), text});
      }
    }
  }
  return list;
}

// ---- minimal failures ----

using Words = std::vector<std::string>;
using CaseWords = std::vector<std::vector<Words>>;  // [inputs][fields]

Words split(const std::string& text) {
  Words words;
  for (size_t at = 0; (at = text.find_first_not_of(" \t\n", at)) != text.npos;) {
    const size_t end = std::min(text.find_first_of(" \t\n", at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

Example joined(const std::vector<Words>& fields) {
  Example example;
  for (const Words& words : fields) {
    std::string& text = example.emplace_back();
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  }
  return example;
}

// Pairs of positions of a longest common subsequence.
std::vector<std::pair<size_t, size_t>> shared(const Words& a, const Words& b) {
  std::vector<std::vector<size_t>> length(a.size() + 1, std::vector<size_t>(b.size() + 1, 0));
  for (size_t i = a.size(); i-- > 0;)
    for (size_t j = b.size(); j-- > 0;)
      length[i][j] = a[i] == b[j] ? length[i + 1][j + 1] + 1 : std::max(length[i + 1][j], length[i][j + 1]);
  std::vector<std::pair<size_t, size_t>> pairs;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i] == b[j])
      pairs.emplace_back(i++, j++);
    else
      length[i + 1][j] >= length[i][j + 1] ? ++i : ++j;
  }
  return pairs;
}

std::vector<CaseWords> candidates(const CaseWords& from) {
  std::vector<CaseWords> list;
  const size_t last = from.size() - 1;
  for (size_t f = 0; f < from[0].size(); ++f) {
    for (const auto& [i, j] : shared(from[0][f], from[last][f])) {
      CaseWords& smaller = list.emplace_back(from);
      const auto erase = [&](size_t example, size_t position) {
        Words& words = smaller[example][f];
        words.erase(words.begin() + static_cast<std::ptrdiff_t>(position));
      };
      erase(0, i);
      if (last > 0) erase(last, j);
    }
  }
  // Nothing left is no example.
  list.erase(std::remove_if(list.begin(), list.end(),
                            [](const CaseWords& one) {
                              return std::any_of(one.begin(), one.end(), [](const auto& fields) {
                                return std::all_of(fields.begin(), fields.end(),
                                                   [](const Words& w) { return w.empty(); });
                              });
                            }),
             list.end());
  return list;
}

}  // namespace

std::string failures_text(const Results& results, FailuresFormat format) {
  const std::vector<std::string>& fields = results.suite.fields;
  std::string text;
  if (format == FailuresFormat::kCsv) {
    for (const std::string& field : fields) text += core::csv_cell(field) + ',';
    text += "label\n";
  }
  for (const Failure& failure : failures(results)) {
    if (format == FailuresFormat::kCsv) {
      for (const std::string& value : failure.example) text += core::csv_cell(value) + ',';
      text += core::csv_cell(failure.label) + '\n';
    } else {
      Json record = {{"label", failure.label}};
      for (size_t f = 0; f < fields.size(); ++f) record[fields[f]] = failure.example[f];
      text += record.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
    }
  }
  return text;
}

MinimalFailure minimal_failure(const Results& results, const FailedCase& failed, const Predictor& predictor) {
  const Test& test = results.suite.tests[failed.test];
  if (test.expectation)
    throw InputError("the test '{}' has an expectation of its own; its failures are not reduced", test.name);
  const Expectation expectation = parse_expectation(test.expect, results.suite.classes);
  const int64_t index = test.run_case(failed.run_case), begin = test.cases.begin(index);
  int64_t in_test = 0;
  for (int64_t c = 0; c < failed.run_case; ++c)
    in_test += test.cases.end(test.run_case(c)) - test.cases.begin(test.run_case(c));
  const std::vector<double>& outcomes = results.tests[failed.test].outcomes;
  const int64_t first = test.type == TestType::kMft ? 0 : 1;
  int64_t worst = first;
  for (int64_t e = first; e < test.cases.end(index) - begin; ++e)
    if (outcomes[static_cast<size_t>(in_test + e)] == failed.worst) worst = e;

  CaseWords current;
  std::vector<Label> labels;
  for (int64_t e : first == 0 ? std::vector<int64_t>{worst} : std::vector<int64_t>{0, worst}) {
    std::vector<Words>& fields = current.emplace_back();
    for (const std::string& text : test.cases.example(begin + e)) fields.push_back(split(text));
    if (const Label* of_case = test.cases.labels_of(index); of_case != nullptr)
      labels.push_back(of_case[static_cast<size_t>(e) * test.cases.label_stride()]);
  }
  const size_t size = current.size();
  const auto fails = [&](const Prediction* predictions) {
    const CaseView view{predictions, size, labels.empty() ? nullptr : labels.data(), labels.empty() ? 0u : 1u,
                        &test,       index};
    return expectation({view}).back() <= 0;
  };
  const auto ask = [&](const std::vector<CaseWords>& list) {
    std::vector<Example> examples;
    for (const CaseWords& one : list)
      for (const std::vector<Words>& fields : one) examples.push_back(joined(fields));
    std::vector<Prediction> predictions = predictor(examples);
    if (predictions.size() != examples.size())
      throw Error("the model gave {} predictions for {} examples", predictions.size(), examples.size());
    return predictions;
  };

  MinimalFailure minimal;
  minimal.predictions = ask({current});
  for (bool smaller = true; smaller;) {
    smaller = false;
    const std::vector<CaseWords> list = candidates(current);
    if (list.empty()) break;
    const std::vector<Prediction> predictions = ask(list);
    for (size_t i = 0; i < list.size() && !smaller; ++i) {
      if (!fails(predictions.data() + i * size)) continue;
      current = list[i];
      const auto from = predictions.begin() + static_cast<std::ptrdiff_t>(i * size);
      minimal.predictions.assign(from, from + static_cast<std::ptrdiff_t>(size));
      ++minimal.num_removed;
      smaller = true;
    }
  }
  for (const std::vector<Words>& fields : current) minimal.examples.push_back(joined(fields));
  return minimal;
}

}  // namespace lathe::evaluate::checklist
