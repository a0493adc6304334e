#include "lathe/data/csv.h"

#include <algorithm>
#include <set>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/text.h"

namespace lathe::data {
namespace {

class CsvReader {
 public:
  CsvReader(std::string_view text, std::string name) : text_(text), name_(std::move(name)) {
    constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
    if (text_.substr(0, kByteOrderMark.size()) == kByteOrderMark) at_ = kByteOrderMark.size();
  }

  // False at the end of the file; blank lines are passed over.
  bool next_row() {
    while (at_ < text_.size() && at_line_end()) end_line();
    if (at_ >= text_.size()) return false;
    row_.clear();
    row_line_ = line_;
    row_.push_back(cell());
    while (at_ < text_.size() && text_[at_] == ',') {
      ++at_;
      row_.push_back(cell());
    }
    if (at_ < text_.size()) end_line();
    return true;
  }

  std::vector<std::string>& row() { return row_; }
  int64_t row_line() const { return row_line_; }

  [[noreturn]] void fail(int64_t line, const std::string& message) const {
    throw InputError("{}:{}: {}", name_, line, message);
  }

 private:
  bool at_line_end() const { return text_[at_] == '\n' || text_[at_] == '\r'; }

  void end_line() {
    if (text_.substr(at_, 2) == "\r\n") ++at_;
    ++at_;
    ++line_;
  }

  std::string cell() {
    std::string cell = at_ < text_.size() && text_[at_] == '"' ? quoted() : plain();
    if (cell.find('\0') != cell.npos) fail(row_line_, "a NUL byte; a CSV file is text");
    if (!is_utf8(cell)) fail(row_line_, "not UTF-8; iconv -f latin1 -t utf-8 converts a file");
    return cell;
  }

  std::string plain() {
    size_t end = std::min(text_.find_first_of(",\r\n\"", at_), text_.size());
    if (end < text_.size() && text_[end] == '"')
      fail(line_, "a quote inside of a cell; quote the whole cell and double the quotes in it");
    std::string cell(text_.substr(at_, end - at_));
    at_ = end;
    return cell;
  }

  std::string quoted() {
    int64_t opened = line_;
    std::string cell;
    while (true) {
      size_t quote = text_.find('"', ++at_);
      if (quote == text_.npos) fail(opened, "a quote is opened here and never closed");
      std::string_view piece = text_.substr(at_, quote - at_);
      line_ += std::count(piece.begin(), piece.end(), '\n');
      cell += piece;
      at_ = quote + 1;
      if (at_ >= text_.size() || text_[at_] != '"') break;
      cell += '"';
    }
    if (at_ < text_.size() && text_[at_] != ',' && !at_line_end())
      fail(line_, "text follows a closing quote");
    return cell;
  }

  std::string_view text_;
  std::string name_;
  size_t at_ = 0;
  int64_t line_ = 1, row_line_ = 1;
  std::vector<std::string> row_;
};

}  // namespace

CsvFile read_csv(const std::filesystem::path& file) {
  return parse_csv(core::read_file(file), file.string());
}

CsvFile parse_csv(std::string_view text, const std::string& name) {
  CsvReader reader(text, name);
  if (!reader.next_row())
    throw InputError("{}: the file is empty; its first line must name the columns", name);

  CsvFile csv;
  csv.header = std::move(reader.row());
  std::set<std::string> names;
  for (const std::string& column : csv.header)
    if (!names.insert(column).second)
      reader.fail(reader.row_line(), "column '" + excerpt(column) + "' is there twice");
  while (reader.next_row()) {
    if (reader.row().size() != csv.header.size())
      reader.fail(reader.row_line(),
                  fmt::format("{} cells, but the header has {}", reader.row().size(), csv.header.size()));
    csv.rows.push_back(std::move(reader.row()));
    csv.lines.push_back(reader.row_line());
  }
  if (csv.rows.empty()) throw InputError("{}: no row follows the header", name);
  return csv;
}

}  // namespace lathe::data
