#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace lathe::core {

// Rows under named columns, printed for people (aligned text, Markdown, HTML) or for programs (JSON).
struct Cell {
  std::variant<std::string, int64_t, double> value;
  // Of a double in text: significant where |x| < 1, decimals otherwise; none of a whole number from 1000 on.
  int digits = 4;
  Cell(const char* text) : value(std::string(text)) {}
  Cell(std::string text) : value(std::move(text)) {}
  Cell(int64_t count) : value(count) {}
  Cell(int count) : value(int64_t{count}) {}
  Cell(double number, int digits = 4) : value(number), digits(digits) {}
};

// A text as a cell of a CSV file (RFC 4180), in quotes where it needs them or is empty.
std::string csv_cell(std::string_view text);

class Table {
 public:
  explicit Table(std::vector<std::string> columns) : columns_(std::move(columns)) {}
  Table& add(std::vector<Cell> row);  // throws std::logic_error when the width differs
  size_t size() const { return rows_.size(); }
  const std::vector<std::string>& columns() const { return columns_; }
  const std::vector<std::vector<Cell>>& rows() const { return rows_; }
  std::string to_text() const;  // columns aligned (numbers right), header underlined
  std::string to_markdown() const;
  std::string to_html() const;     // <table>, everything escaped
  std::string to_csv() const;      // a header row; numbers in full, empty where not finite
  nlohmann::json to_json() const;  // [{column: value}]; NaN and infinities become null

 private:
  std::vector<std::string> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace lathe::core
