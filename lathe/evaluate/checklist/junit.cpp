#include <fmt/format.h>

#include "lathe/evaluate/checklist/report.h"

namespace lathe::evaluate::checklist {
namespace {

// XML 1.0 has no control characters but tab, line feed and carriage return, not even escaped ones.
std::string escaped(std::string_view text) {
  std::string result;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '&') {
      result += "&amp;";
    } else if (c == '<') {
      result += "&lt;";
    } else if (c == '>') {
      result += "&gt;";
    } else if (c == '"') {
      result += "&quot;";
    } else if (byte < 0x20) {
      result += c == '\t' || c == '\n' ? fmt::format("&#{};", static_cast<int>(byte)) : "�";
    } else {
      result += c;
    }
  }
  return result;
}

enum class Verdict { kPassed, kFailed, kSkipped };

Verdict verdict(const Test& test, const TestResult& result, const Gates& gates) {
  if (result.num_applicable() == 0) return Verdict::kSkipped;
  return result.failure_rate() > gates.limit(test).value_or(0) ? Verdict::kFailed : Verdict::kPassed;
}

std::string testcase_xml(const Results& results, size_t t, const Gates& gates) {
  constexpr size_t kMostExamples = 10;
  const Test& test = results.suite.tests[t];
  const TestResult& result = results.tests[t];
  std::string xml = fmt::format("    <testcase classname=\"{}\" name=\"{} ({})\">", escaped(test.capability),
                                escaped(test.name), to_string(test.type));
  if (verdict(test, result, gates) == Verdict::kSkipped) {
    xml += fmt::format(
        "<skipped message=\"{}\"/>",
        escaped(test.not_run.empty() ? "no case to which the expectation applies" : test.not_run));
  } else if (verdict(test, result, gates) == Verdict::kFailed) {
    const math::Interval interval = result.interval();
    xml += fmt::format(
        "\n      <failure message=\"{} of {} cases fail: {:.1f} % (95 % interval {:.1f} – {:.1f} %), allowed "
        "{:.1f} %\">",
        result.num_failed, result.num_applicable(), 100 * result.failure_rate(), 100 * interval.low,
        100 * interval.high, 100 * gates.limit(test).value_or(0));
    for (const FailedCase& failed : failed_cases(results, t, kMostExamples))
      xml += escaped(failed.text) + "\n";
    xml += "</failure>\n    ";
  }
  return xml + "</testcase>\n";
}

}  // namespace

std::string junit_xml(const Results& results, const Gates& gates) {
  std::string xml = fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\">\n",
                                escaped(results.suite.name));
  for (const std::string& capability : capabilities(results.suite)) {
    std::string cases;
    int64_t counts[3] = {0, 0, 0};
    for (size_t t = 0; t < results.tests.size(); ++t) {
      if (results.suite.tests[t].capability != capability) continue;
      ++counts[static_cast<size_t>(verdict(results.suite.tests[t], results.tests[t], gates))];
      cases += testcase_xml(results, t, gates);
    }
    xml += fmt::format(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n{}  </testsuite>\n",
        escaped(capability), counts[0] + counts[1] + counts[2], counts[1], counts[2], cases);
  }
  return xml + "</testsuites>\n";
}

}  // namespace lathe::evaluate::checklist
