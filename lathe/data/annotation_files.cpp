#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/table.h"
#include "lathe/data/annotations.h"
#include "lathe/data/cells.h"
#include "lathe/data/text.h"
#include "lathe/data/text_table.h"

namespace lathe::data {
namespace {

// A file and where its columns are.
struct Sheet {
  CsvFile csv;
  std::string file;
  explicit Sheet(const std::filesystem::path& path) : csv(read_text_table(path)), file(path.string()) {}
  size_t column(const std::string& name) const { return require_column(csv, file, name); }
  std::optional<size_t> find(const std::string& name) const { return find_column(csv, name); }
  std::string where(size_t row) const { return fmt::format("{}:{}", file, csv.lines[row]); }
  size_t size() const { return csv.rows.size(); }
};

// Names in the order in which they come, each with its number.
class Register {
 public:
  int32_t add(const std::string& name) {
    const auto [found, is_new] = numbers_.emplace(name, static_cast<int32_t>(names_.size()));
    if (is_new) names_.push_back(name);
    return found->second;
  }
  std::optional<int32_t> find(const std::string& name) const {
    const auto found = numbers_.find(name);
    return found == numbers_.end() ? std::nullopt : std::optional(found->second);
  }
  int64_t size() const { return static_cast<int64_t>(names_.size()); }
  std::vector<std::string> take() { return std::move(names_); }

 private:
  std::vector<std::string> names_;
  std::unordered_map<std::string, int32_t> numbers_;
};

const std::string& name_cell(const Sheet& sheet, size_t row, size_t column) {
  const std::string& cell = sheet.csv.rows[row][column];
  if (trim(cell).empty())
    throw InputError("{}: '{}' is empty; every line needs one", sheet.where(row),
                     excerpt(sheet.csv.header[column]));
  return cell;
}

double number_cell(const Sheet& sheet, size_t row, size_t column) {
  const std::string_view cell = trim(sheet.csv.rows[row][column]);
  double number = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), number);
  if (error != std::errc{} || end != cell.data() + cell.size() || !std::isfinite(number))
    throw InputError("{}: '{}' must be a number, got '{}'", sheet.where(row),
                     excerpt(sheet.csv.header[column]), excerpt(cell));
  return number;
}

// The one line that describes each name.
std::vector<size_t> register_lines(const Sheet& sheet, const std::string& column, const char* what,
                                   Register& names) {
  const size_t position = sheet.column(column);
  std::vector<size_t> rows;
  for (size_t row = 0; row < sheet.size(); ++row) {
    const std::string& name = name_cell(sheet, row, position);
    const auto number = static_cast<size_t>(names.add(name));
    if (number < rows.size())
      throw InputError("{}: {} '{}' is described a second time; the first is line {}", sheet.where(row), what,
                       excerpt(name), sheet.csv.lines[rows[number]]);
    rows.push_back(row);
  }
  return rows;
}

// Category codes of cells; an empty cell is not known.
class AttributeBuilder {
 public:
  AttributeBuilder(std::string name, int64_t size)
      : name_(std::move(name)), cells_(static_cast<size_t>(size)) {}
  // False when the owner has another value already.
  bool set(int32_t owner, std::string_view cell) {
    std::optional<std::string_view>& known = cells_[static_cast<size_t>(owner)];
    if (!known) known = cell;
    return *known == cell;
  }
  Attribute build() const {
    Attribute attribute{.name = name_, .values = {}, .codes = std::vector<int32_t>(cells_.size(), -1)};
    std::map<std::string_view, int32_t> codes;
    for (const auto& cell : cells_)
      if (cell && !cell->empty()) codes.emplace(*cell, 0);
    for (auto& [value, code] : codes) {
      code = static_cast<int32_t>(attribute.values.size());
      attribute.values.emplace_back(value);
    }
    for (size_t i = 0; i < cells_.size(); ++i)
      if (cells_[i] && !cells_[i]->empty()) attribute.codes[i] = codes.at(*cells_[i]);
    return attribute;
  }

 private:
  std::string name_;
  std::vector<std::optional<std::string_view>> cells_;
};

std::vector<Attribute> attributes_of(const Sheet& sheet, const std::vector<std::string>& others,
                                     int64_t size) {
  std::vector<Attribute> attributes;
  for (size_t column = 0; column < sheet.csv.header.size(); ++column) {
    const std::string& name = sheet.csv.header[column];
    if (std::find(others.begin(), others.end(), name) != others.end()) continue;
    AttributeBuilder builder(name, size);
    for (size_t row = 0; row < sheet.size(); ++row)
      builder.set(static_cast<int32_t>(row), trim(sheet.csv.rows[row][column]));
    attributes.push_back(builder.build());
  }
  return attributes;
}

std::string readable(std::string text) {
  for (const std::string_view token : {"NEWLINE_TOKEN", "TAB_TOKEN"})
    for (size_t at = 0; (at = text.find(token, at)) != text.npos;) text.replace(at, token.size(), " ");
  return text;
}

std::optional<double> as_number(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// A label as the scale names it: "0.0" in a file is "0" of the scale.
class ClassIndex {
 public:
  explicit ClassIndex(const std::vector<std::string>& classes) : texts_(classes) {
    for (size_t c = 0; c < classes.size(); ++c)
      if (const auto number = as_number(classes[c])) numbers_.emplace(*number, static_cast<int32_t>(c));
  }
  int32_t find(const std::string& label) const {
    const auto position = static_cast<int32_t>(texts_.find(label));
    if (position >= 0 || numbers_.empty()) return position;
    const auto number = as_number(label);
    const auto found = number ? numbers_.find(*number) : numbers_.end();
    return found == numbers_.end() ? -1 : found->second;
  }

 private:
  TextIndex texts_;
  std::map<double, int32_t> numbers_;
};

class AnnotationReader {
 public:
  AnnotationReader(const AnnotationFiles& files, const AnnotationOptions& options)
      : options_(options), columns_(options.columns), sheet_(files.annotations) {
    if (!files.items.empty()) item_sheet_.emplace(files.items);
    if (!files.annotators.empty()) annotator_sheet_.emplace(files.annotators);
  }

  Annotations read() {
    read_items();
    if (annotator_sheet_) register_lines(*annotator_sheet_, columns_.annotator, "annotator", annotators_);
    const auto described = annotator_sheet_ ? annotators_.size() : 0;
    read_owners();
    read_labels();
    if (const auto column = sheet_.find(columns_.seconds))
      for (size_t row = 0; row < sheet_.size(); ++row)
        table_.seconds.push_back(trim(sheet_.csv.rows[row][*column]).empty()
                                     ? NAN
                                     : static_cast<float>(number_cell(sheet_, row, *column)));
    if (annotator_sheet_) {
      table_.annotator_attributes =
          attributes_of(*annotator_sheet_, {columns_.annotator}, annotators_.size());
      for (auto code = static_cast<int32_t>(described); code < annotators_.size(); ++code)
        table_.missing_annotators.push_back(code);
    }
    read_other_columns();
    table_.items = items_.take();
    table_.annotators = annotators_.take();
    return ordered();
  }

 private:
  void read_items() {
    if (!item_sheet_) return;
    register_lines(*item_sheet_, columns_.item, "item", items_);
    std::vector<std::string> used = columns_.features;
    used.push_back(columns_.item);
    used.push_back(columns_.text);
    if (const auto text = item_sheet_->find(columns_.text))
      for (const auto& row : item_sheet_->csv.rows) table_.texts.push_back(readable(row[*text]));
    std::vector<size_t> positions;
    for (const std::string& name : columns_.features) positions.push_back(item_sheet_->column(name));
    for (size_t row = 0; row < item_sheet_->size(); ++row)
      for (const size_t position : positions)
        table_.features.push_back(static_cast<float>(number_cell(*item_sheet_, row, position)));
    table_.item_attributes = attributes_of(*item_sheet_, used, items_.size());
  }

  void read_owners() {
    const size_t item = sheet_.column(columns_.item), annotator = sheet_.column(columns_.annotator);
    for (size_t row = 0; row < sheet_.size(); ++row) {
      const std::string& name = name_cell(sheet_, row, item);
      const auto known = item_sheet_ ? items_.find(name) : items_.add(name);
      if (!known)
        throw InputError("{}: item '{}' is not in {}", sheet_.where(row), excerpt(name), item_sheet_->file);
      table_.item.push_back(*known);
      table_.annotator.push_back(annotators_.add(name_cell(sheet_, row, annotator)));
    }
  }

  void read_labels() {
    const size_t column = sheet_.column(columns_.label);
    table_.scale = {options_.kind, options_.classes};
    if (options_.kind == LabelScale::Kind::real) {
      if (!options_.classes.empty())
        throw InputError("a scale of real numbers has no classes, got {} of them", options_.classes.size());
      for (size_t row = 0; row < sheet_.size(); ++row)
        table_.value.push_back(number_cell(sheet_, row, column));
      return;
    }
    if (table_.scale.classes.empty()) table_.scale.classes = find_scale(column);
    const ClassIndex classes(table_.scale.classes);
    for (size_t row = 0; row < sheet_.size(); ++row) {
      const std::string label(trim(name_cell(sheet_, row, column)));
      const int32_t index = classes.find(label);
      if (index < 0)
        throw InputError("{}: label '{}' is not on the scale; it has {}", sheet_.where(row), excerpt(label),
                         fmt::join(table_.scale.classes, ", "));
      table_.label.push_back(index);
    }
  }

  std::vector<std::string> find_scale(size_t column) const {
    constexpr size_t kMaxClasses = 1000;
    const std::set<std::string> cells = distinct_cells(sheet_.csv, column);
    if (cells.size() > kMaxClasses)
      throw InputError("{}: '{}' has {} different labels; real numbers are a scale of their own (real)",
                       sheet_.file, excerpt(columns_.label), cells.size());
    return class_order(cells);
  }

  // What else the annotations' file says of annotators and items.
  void read_other_columns() {
    for (size_t column = 0; column < sheet_.csv.header.size(); ++column) {
      const std::string& name = sheet_.csv.header[column];
      if (name == columns_.item || name == columns_.annotator || name == columns_.label ||
          name == columns_.pass || name == columns_.seconds)
        continue;
      if (name == columns_.text) {
        if (table_.texts.empty()) read_texts(column);
        continue;
      }
      if (auto attribute = attribute_of(table_.annotator, annotators_.size(), column))
        table_.annotator_attributes.push_back(std::move(*attribute));
      else if (auto of_item = attribute_of(table_.item, items_.size(), column))
        table_.item_attributes.push_back(std::move(*of_item));
    }
  }

  void read_texts(size_t column) {
    table_.texts.resize(static_cast<size_t>(items_.size()));
    for (size_t row = 0; row < sheet_.size(); ++row)
      table_.texts[static_cast<size_t>(table_.item[row])] = readable(sheet_.csv.rows[row][column]);
  }

  std::optional<Attribute> attribute_of(const std::vector<int32_t>& owners, int64_t size,
                                        size_t column) const {
    AttributeBuilder builder(sheet_.csv.header[column], size);
    for (size_t row = 0; row < sheet_.size(); ++row)
      if (!builder.set(owners[row], trim(sheet_.csv.rows[row][column]))) return std::nullopt;
    return builder.build();
  }

  // Passes in the order of their numbers; without numbers nobody may answer twice.
  Annotations ordered() {
    const auto pass_column = sheet_.find(columns_.pass);
    std::vector<double> pass(sheet_.size(), 0);
    if (pass_column)
      for (size_t row = 0; row < pass.size(); ++row) pass[row] = number_cell(sheet_, row, *pass_column);
    std::vector<int64_t> rows(sheet_.size());
    for (size_t row = 0; row < rows.size(); ++row) rows[row] = static_cast<int64_t>(row);
    const auto key = [&](int64_t row) {
      const auto r = static_cast<size_t>(row);
      return std::tuple(table_.item[r], table_.annotator[r], pass[r]);
    };
    std::stable_sort(rows.begin(), rows.end(), [&](int64_t a, int64_t b) { return key(a) < key(b); });
    for (size_t i = 1; i < rows.size(); ++i)
      if (key(rows[i - 1]) == key(rows[i])) {
        const auto row = static_cast<size_t>(rows[i]), first = static_cast<size_t>(rows[i - 1]);
        throw InputError(
            "{}: annotator '{}' labels item '{}' a second time, the first is line {}; where people were "
            "asked again, "
            "number the times in a column '{}'",
            sheet_.where(row), excerpt(table_.annotators[static_cast<size_t>(table_.annotator[row])]),
            excerpt(table_.items[static_cast<size_t>(table_.item[row])]), sheet_.csv.lines[first],
            columns_.pass);
      }
    return in_order(select(table_, rows));
  }

  const AnnotationOptions& options_;
  const AnnotationColumns& columns_;
  Sheet sheet_;
  std::optional<Sheet> item_sheet_, annotator_sheet_;
  Register items_, annotators_;
  Annotations table_;
};

// One line a name: its attributes, and what comes before and after them.
std::string lines_of(const std::vector<std::string>& names, const std::vector<Attribute>& attributes,
                     const std::function<std::string(size_t)>& rest) {
  std::string lines;
  for (size_t i = 0; i < names.size(); ++i) {
    lines += core::csv_cell(names[i]);
    for (const Attribute& attribute : attributes)
      lines += ',' + (attribute.codes[i] < 0
                          ? std::string()
                          : core::csv_cell(attribute.values[static_cast<size_t>(attribute.codes[i])]));
    lines += rest(i) + '\n';
  }
  return lines;
}

std::string header_of(const char* first, const std::vector<Attribute>& attributes) {
  std::string header = first;
  for (const Attribute& attribute : attributes) header += ',' + core::csv_cell(attribute.name);
  return header;
}

}  // namespace

Annotations read_annotations(const AnnotationFiles& files, const AnnotationOptions& options) {
  return AnnotationReader(files, options).read();
}

void write_annotations(const Annotations& a, const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  std::string text = "item,annotator,label,pass";
  text += a.seconds.empty() ? "\n" : ",seconds\n";
  int64_t pass = 0;
  for (size_t row = 0; row < a.item.size(); ++row) {
    pass =
        row > 0 && a.item[row] == a.item[row - 1] && a.annotator[row] == a.annotator[row - 1] ? pass + 1 : 0;
    text += core::csv_cell(a.items[static_cast<size_t>(a.item[row])]) + ',' +
            core::csv_cell(a.annotators[static_cast<size_t>(a.annotator[row])]) + ',' +
            (a.label.empty() ? fmt::format("{}", a.value[row])
                             : core::csv_cell(a.scale.classes[static_cast<size_t>(a.label[row])])) +
            fmt::format(",{}", pass);
    if (!a.seconds.empty()) text += std::isfinite(a.seconds[row]) ? fmt::format(",{}", a.seconds[row]) : ",";
    text += '\n';
  }
  core::write_file(directory / "annotations.csv", text);

  const auto num_features = static_cast<size_t>(a.num_features());
  std::string header = header_of("item", a.item_attributes);
  for (size_t f = 0; f < num_features; ++f) header += fmt::format(",x{}", f);
  if (!a.texts.empty()) header += ",text";
  core::write_file(directory / "items.csv",
                   header + '\n' + lines_of(a.items, a.item_attributes, [&](size_t i) {
                     std::string rest;
                     for (size_t f = 0; f < num_features; ++f)
                       rest += fmt::format(",{}", a.features[i * num_features + f]);
                     if (!a.texts.empty()) rest += ',' + core::csv_cell(a.texts[i]);
                     return rest;
                   }));
  core::write_file(directory / "annotators.csv",
                   header_of("annotator", a.annotator_attributes) + '\n' +
                       lines_of(a.annotators, a.annotator_attributes, [](size_t) { return std::string(); }));
}

}  // namespace lathe::data
