#include "lathe/pipeline/report.h"

#include <fmt/format.h>

#include "lathe/pipeline/report_assets.h"
#include "lathe/pipeline/vega_scripts.h"

namespace lathe::pipeline {
namespace {

constexpr size_t kMaxSectionsWithoutContents = 4;

// Scripts and images may only come from the page itself; Vega compiles its expressions with Function().
constexpr const char* kSecurityPolicy =
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:";

std::string replaced(std::string_view text, char what, std::string_view with) {
  std::string result;
  for (char c : text) c == what ? void(result += with) : result.push_back(c);
  return result;
}

std::string escaped(std::string_view text) {
  return replaced(replaced(replaced(replaced(text, '&', "&amp;"), '<', "&lt;"), '>', "&gt;"), '"', "&quot;");
}

// JSON for the inside of a <script>: a "<" can only be in a string there.
std::string script_json(const nlohmann::json& value) {
  return replaced(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), '<', "\\u003c");
}

std::string paragraphs(const std::string& text) {
  std::string html;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find("\n\n", begin), text.size());
    if (end > begin) html += "<p>" + escaped(text.substr(begin, end - begin)) + "</p>\n";
    begin = end + 2;
  }
  return html;
}

std::string figure(const core::Chart& chart) {
  const std::string caption = "<figcaption>" + escaped(chart.title) + "</figcaption>";
  const double width = chart.spec.value("width", 420.0);
  if (chart.num_marks == 0) {
    return fmt::format(
        "<figure style=\"--width: {}\">{}<p class=\"note\">No finite values to draw.</p></figure>\n", width,
        caption);
  }
  return fmt::format(
      "<figure class=\"chart\" data-marks=\"{}\" style=\"--width: {}\">{}<div class=\"drawing\">"
      "<noscript>This chart needs JavaScript.</noscript></div></figure>\n",
      chart.num_marks, width, caption);
}

std::string section_html(const Section& section, size_t index) {
  std::string html = fmt::format("<section id=\"section-{}\">\n<h2>{}</h2>\n", index, escaped(section.title));
  html += paragraphs(section.text);
  if (!section.tables.empty() || !section.charts.empty()) {
    html += "<div class=\"blocks\">\n";
    for (const core::Table& table : section.tables) {
      html += "<div class=\"table\" tabindex=\"0\">" + table.to_html() + "</div>\n";
    }
    for (const core::Chart& chart : section.charts) html += figure(chart);
    html += "</div>\n";
  }
  if (!section.code.empty()) html += "<pre tabindex=\"0\"><code>" + escaped(section.code) + "</code></pre>\n";
  return html + "</section>\n";
}

std::string headline_html(const Page& page) {
  std::string html = "<dl class=\"headline\">\n";
  for (const auto& [name, value] : page.headline) {
    html += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escaped(name), escaped(value));
  }
  return html + "</dl>\n";
}

std::string contents_html(const Page& page) {
  std::string html = "<nav aria-label=\"Contents\"><ol>\n";
  for (size_t i = 0; i < page.sections.size(); ++i) {
    html += fmt::format("<li><a href=\"#section-{}\">{}</a></li>\n", i, escaped(page.sections[i].title));
  }
  return html + "</ol></nav>\n";
}

}  // namespace

std::string render_html(const Page& page) {
  nlohmann::json specifications = nlohmann::json::array();
  std::string sections;
  for (size_t i = 0; i < page.sections.size(); ++i) {
    sections += section_html(page.sections[i], i);
    for (const core::Chart& chart : page.sections[i].charts) {
      if (chart.num_marks > 0) specifications.push_back(chart.spec);
    }
  }

  std::string html = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  html += fmt::format("<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n", kSecurityPolicy);
  html += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  html += "<link rel=\"icon\" href=\"data:,\">\n";
  html += "<title>" + escaped(page.title) + "</title>\n";
  html += std::string("<style>") + kReportStyle + "</style>\n</head>\n<body>\n<main>\n<header>\n";
  html += "<h1>" + escaped(page.title) + "</h1>\n";
  if (!page.subtitle.empty()) html += "<p class=\"subtitle\">" + escaped(page.subtitle) + "</p>\n";
  if (!page.headline.empty()) html += headline_html(page);
  html += "</header>\n";
  if (page.sections.size() > kMaxSectionsWithoutContents) html += contents_html(page);
  html += sections + "</main>\n";
  if (!specifications.empty()) {
    html += "<script type=\"application/json\" id=\"charts\">" + script_json(specifications) + "</script>\n";
    html +=
        "<script>" + vega_script() + "</script>\n<script type=\"module\">" + kReportScript + "</script>\n";
  }
  return html + "</body>\n</html>\n";
}

}  // namespace lathe::pipeline
