#include "lathe/core/table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace lathe::core {
namespace {

std::string format_number(double number, int digits) {
  if (number == 0) return "0";
  if (!std::isfinite(number)) return fmt::format("{}", number);
  if (std::abs(number) >= 1000 && number == std::round(number)) return fmt::format("{:.0f}", number);
  if (std::abs(number) < 1) return fmt::format("{:.{}g}", number, digits);
  return fmt::format("{:.{}f}", number, digits);
}

std::string to_string(const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell.value)) return *text;
  if (const auto* count = std::get_if<int64_t>(&cell.value)) return std::to_string(*count);
  return format_number(std::get<double>(cell.value), cell.digits);
}

bool is_number(const Cell& cell) {
  return !std::holds_alternative<std::string>(cell.value);
}

// Printed columns of a text: its code points.
size_t text_width(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](unsigned char byte) { return (byte & 0xc0) != 0x80; }));
}

std::string pad(const std::string& text, size_t width, bool right) {
  const std::string blank(width - text_width(text), ' ');
  return right ? blank + text : text + blank;
}

// Replaces each of the characters that `replacements` names; line breaks would end a row.
std::string escape(const std::string& text, const std::vector<std::pair<char, const char*>>& replacements) {
  std::string escaped;
  for (char character : text) {
    const auto found = std::find_if(replacements.begin(), replacements.end(),
                                    [&](const auto& pair) { return pair.first == character; });
    if (found == replacements.end())
      escaped += character;
    else
      escaped += found->second;
  }
  return escaped;
}

std::string escape_text(const std::string& text) {
  return escape(text, {{'\n', "\\n"}, {'\r', "\\r"}, {'\t', "\\t"}});
}
std::string escape_markdown(const std::string& text) {
  return escape(text,
                {{'|', "\\|"}, {'\\', "\\\\"}, {'<', "&lt;"}, {'&', "&amp;"}, {'\n', "<br>"}, {'\r', ""}});
}
std::string escape_html(const std::string& text) {
  return escape(text, {{'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'"', "&quot;"}, {'\'', "&#39;"}});
}

// A column is set right when it holds numbers only.
std::vector<bool> numeric_columns(const Table& table) {
  std::vector<bool> numeric(table.columns().size(), table.size() > 0);
  for (const auto& row : table.rows())
    for (size_t c = 0; c < row.size(); ++c) numeric[c] = numeric[c] && is_number(row[c]);
  return numeric;
}

}  // namespace

Table& Table::add(std::vector<Cell> row) {
  if (row.size() != columns_.size())
    throw std::logic_error(
        fmt::format("a row of {} cells in a table of {} columns", row.size(), columns_.size()));
  rows_.push_back(std::move(row));
  return *this;
}

std::string Table::to_text() const {
  std::vector<std::vector<std::string>> lines{{}};
  for (const std::string& column : columns_) lines[0].push_back(escape_text(column));
  for (const auto& row : rows_) {
    lines.emplace_back();
    for (const Cell& cell : row) lines.back().push_back(escape_text(to_string(cell)));
  }
  std::vector<size_t> widths(columns_.size(), 0);
  for (const auto& line : lines)
    for (size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], text_width(line[c]));

  std::vector<std::string> rules;
  for (size_t width : widths) {
    rules.emplace_back();
    for (size_t i = 0; i < width; ++i) rules.back() += "─";
  }
  lines.insert(lines.begin() + 1, rules);

  const std::vector<bool> numeric = numeric_columns(*this);
  std::string text;
  for (const auto& line : lines) {
    std::string printed;
    for (size_t c = 0; c < line.size(); ++c)
      printed += (c > 0 ? "  " : "") + pad(line[c], widths[c], numeric[c]);
    printed.erase(printed.find_last_not_of(' ') + 1);
    text += printed + '\n';
  }
  return text;
}

std::string Table::to_markdown() const {
  const std::vector<bool> numeric = numeric_columns(*this);
  std::string header = "|", rule = "|", body;
  for (size_t c = 0; c < columns_.size(); ++c) {
    header += ' ' + escape_markdown(columns_[c]) + " |";
    rule += numeric[c] ? " ---: |" : " --- |";
  }
  for (const auto& row : rows_) {
    body += '|';
    for (const Cell& cell : row) body += ' ' + escape_markdown(to_string(cell)) + " |";
    body += '\n';
  }
  return header + '\n' + rule + '\n' + body;
}

std::string Table::to_html() const {
  std::string html = "<table>\n<thead><tr>";
  for (const std::string& column : columns_) html += "<th>" + escape_html(column) + "</th>";
  html += "</tr></thead>\n<tbody>\n";
  for (const auto& row : rows_) {
    html += "<tr>";
    for (const Cell& cell : row)
      html += (is_number(cell) ? "<td class=\"number\">" : "<td>") + escape_html(to_string(cell)) + "</td>";
    html += "</tr>\n";
  }
  return html + "</tbody>\n</table>\n";
}

std::string csv_cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == text.npos && !text.empty()) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

std::string Table::to_csv() const {
  std::string csv;
  const auto add_line = [&](const std::vector<std::string>& cells) {
    csv += fmt::format("{}\n", fmt::join(cells, ","));
  };
  std::vector<std::string> cells;
  for (const std::string& column : columns_) cells.push_back(csv_cell(column));
  add_line(cells);
  for (const auto& row : rows_) {
    cells.clear();
    for (const Cell& cell : row) {
      if (const auto* text = std::get_if<std::string>(&cell.value))
        cells.push_back(csv_cell(*text));
      else if (const auto* number = std::get_if<double>(&cell.value))
        cells.push_back(std::isfinite(*number) ? fmt::format("{}", *number) : "");
      else
        cells.push_back(fmt::format("{}", std::get<int64_t>(cell.value)));
    }
    add_line(cells);
  }
  return csv;
}

nlohmann::json Table::to_json() const {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& row : rows_) {
    nlohmann::json object = nlohmann::json::object();
    for (size_t c = 0; c < row.size(); ++c) {
      const auto* number = std::get_if<double>(&row[c].value);
      if (number != nullptr && !std::isfinite(*number))
        object[columns_[c]] = nullptr;
      else
        std::visit([&](const auto& value) { object[columns_[c]] = value; }, row[c].value);
    }
    list.push_back(std::move(object));
  }
  return list;
}

}  // namespace lathe::core
