#include "lathe/evaluate/checklist/html_report.h"

#include <fmt/format.h>

#include <cmath>

#include "lathe/evaluate/checklist/html_assets.h"

namespace lathe::evaluate::checklist {
namespace {

std::string escaped(std::string_view text) {
  std::string result;
  for (char c : text) {
    if (c == '&')
      result += "&amp;";
    else if (c == '<')
      result += "&lt;";
    else
      result += c;
  }
  return result;
}

// The page's data, written as it goes: a tree of JSON values for 90,000 examples would cost more than the
// page.
class DataWriter {
 public:
  void raw(std::string_view json) { text_ += json; }
  void key(const char* name) {
    separate();
    text_ += '"';
    text_ += name;
    text_ += "\":";
  }
  void open(char bracket) {
    separate();
    text_ += bracket;
  }
  void close(char bracket) { text_ += bracket; }
  void value(std::string_view text) {
    separate();
    text_ += '"';
    for (char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      // '<' would end the script that holds the data.
      if (byte < 0x20 || c == '<')
        text_ += fmt::format("\\u{:04x}", byte);
      else if (c == '"' || c == '\\')
        (text_ += '\\') += c;
      else
        text_ += c;
    }
    text_ += '"';
  }
  void value(int64_t number) {
    separate();
    text_ += fmt::format_int(number).c_str();
  }
  // Three decimals as a whole number; null for NaN.
  void thousandths(double number) {
    if (std::isnan(number)) {
      separate();
      text_ += "null";
    } else {
      value(static_cast<int64_t>(std::lround(1000 * number)));
    }
  }
  std::string take() { return std::move(text_); }

 private:
  void separate() {
    const char last = text_.empty() ? '[' : text_.back();
    if (last != '[' && last != '{' && last != ':') text_ += ',';
  }
  std::string text_;
};

void write_texts(DataWriter& out, const char* key, const std::vector<std::string>& texts) {
  out.key(key);
  out.open('[');
  for (const std::string& text : texts) out.value(text);
  out.close(']');
}

void write_cases(DataWriter& out, const Results& results, size_t t, const Prediction* predictions) {
  const Test& test = results.suite.tests[t];
  const TestResult& result = results.tests[t];
  const Cases& cases = test.cases;
  const auto each_case = [&](const char* key, const auto& write) {
    out.key(key);
    out.open('[');
    for (int64_t i = 0; i < test.num_run(); ++i) write(test.run_case(i));
    out.close(']');
  };
  each_case("sizes", [&](int64_t c) { out.value(cases.end(c) - cases.begin(c)); });
  each_case("texts", [&](int64_t c) {
    for (int64_t e = cases.begin(c); e < cases.end(c); ++e)
      for (size_t f = 0; f < cases.num_fields; ++f) out.value(cases.text(e, f));
  });
  if (!cases.labels.empty())
    each_case("labels", [&](int64_t c) {
      const Label* labels = cases.labels_of(c);
      for (int64_t e = 0; e < cases.end(c) - cases.begin(c); ++e) {
        const Label& label = labels[static_cast<size_t>(e) * cases.label_stride()];
        if (label.index >= 0)
          out.value(label.index);
        else
          out.value(label.text);
      }
    });
  if (!cases.meta.tags.empty()) {
    const size_t num_tags = cases.meta.tags.size();
    out.key("tags");
    out.open('[');
    for (const Meta::Tag& tag : cases.meta.tags) {
      out.open('{');
      out.key("name");
      out.value(tag.name);
      write_texts(out, "values", tag.values);
      out.close('}');
    }
    out.close(']');
    each_case("meta", [&](int64_t c) {
      for (size_t tag = 0; tag < num_tags; ++tag) {
        const uint32_t value = cases.meta.indices[static_cast<size_t>(c) * num_tags + tag];
        out.value(value == Meta::kNone ? int64_t{-1} : int64_t{value});
      }
    });
  }
  out.key("status");
  std::string status;
  for (CaseStatus one : result.cases)
    status += one == CaseStatus::kPassed ? 'p' : one == CaseStatus::kFailed ? 'f' : 'x';
  out.value(status);
  out.key("worst");
  out.open('[');
  for (double worst : worst_outcomes(test, result)) out.thousandths(worst);
  out.close(']');
  const auto n = static_cast<int64_t>(result.outcomes.size());
  out.key("answers");
  out.open('[');
  for (int64_t e = 0; e < n; ++e) {
    if (predictions[e].label >= 0)
      out.value(predictions[e].label);
    else
      out.value(predictions[e].text);
  }
  out.close(']');
  out.key("confidence");
  out.open('[');
  for (int64_t e = 0; e < n; ++e) {
    out.open('[');
    for (float p : predictions[e].confidence) out.thousandths(p);
    out.close(']');
  }
  out.close(']');
}

std::string page_data(const Results& results) {
  DataWriter out;
  out.open('{');
  out.key("name");
  out.value(results.suite.name);
  out.key("model");
  out.value(results.model);
  out.key("description");
  out.value(results.suite.description);
  write_texts(out, "classes", results.suite.classes);
  write_texts(out, "fields", results.suite.fields);
  write_texts(out, "capabilities", capabilities(results.suite));
  out.key("tests");
  out.open('[');
  const Prediction* predictions = results.predictions.data();
  for (size_t t = 0; t < results.tests.size(); ++t) {
    const Test& test = results.suite.tests[t];
    const TestResult& result = results.tests[t];
    out.open('{');
    const std::pair<const char*, std::string> texts[] = {{"name", test.name},
                                                         {"capability", test.capability},
                                                         {"type", to_string(test.type)},
                                                         {"description", test.description},
                                                         {"expect", test.expect},
                                                         {"notRun", test.not_run}};
    for (const auto& [key, text] : texts) {
      out.key(key);
      out.value(text);
    }
    const int64_t filtered = result.num_filtered, failed = result.num_failed;
    const std::pair<const char*, int64_t> counts[] = {
        {"passed", static_cast<int64_t>(result.cases.size()) - filtered - failed},
        {"failed", failed},
        {"filtered", filtered}};
    for (const auto& [key, count] : counts) {
      out.key(key);
      out.value(count);
    }
    const math::Interval interval = result.interval();
    const std::pair<const char*, double> rates[] = {
        {"rate", result.failure_rate()}, {"low", interval.low}, {"high", interval.high}};
    for (const auto& [key, rate] : rates) {
      out.key(key);
      out.thousandths(rate);
    }
    write_cases(out, results, t, predictions);
    predictions += num_examples(test);
    out.close('}');
  }
  out.close(']');
  out.close('}');
  return out.take();
}

}  // namespace

std::string html_report(const Results& results) {
  const std::string title =
      escaped(results.suite.name + (results.model.empty() ? "" : " · " + results.model));
  std::string page =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>";
  page += title + " · CheckList</title>\n<style>";
  page += kPageStyle;
  page +=
      "</style>\n</head>\n<body>\n<main id=\"page\"><noscript>This page draws its tables with "
      "JavaScript.</noscript></main>\n"
      "<script type=\"application/json\" id=\"data\">";
  page += page_data(results);
  page += "</script>\n<script>";
  page += kPageScript;
  page += "</script>\n</body>\n</html>\n";
  return page;
}

}  // namespace lathe::evaluate::checklist
