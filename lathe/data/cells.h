#pragma once
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "lathe/data/csv.h"
#include "lathe/data/dataset.h"

namespace lathe::data {

// Position of a column in a CSV's header; nothing if it has none of that name.
std::optional<size_t> find_column(const CsvFile& csv, const std::string& name);

// Likewise, or InputError with the nearest name and all there are.
size_t require_column(const CsvFile& csv, const std::string& file, const std::string& name);

// Distinct cells of a column that is to be predicted, in the order of their numbers where all are numbers,
// else of the alphabet. Throws InputError where they are too many to be classes.
std::vector<std::string> find_classes(const CsvFile& csv, const std::string& file, size_t position);
std::vector<std::string> class_order(const std::set<std::string>& cells);
std::set<std::string> distinct_cells(const CsvFile& csv, size_t position);  // without empty ones
bool all_numbers(const std::set<std::string>& cells);

// From text to position in a list.
class TextIndex {
 public:
  explicit TextIndex(const std::vector<std::string>& texts);
  int64_t find(std::string_view text) const;  // -1: not in the list

 private:
  std::unordered_map<std::string, int64_t> positions_;
};

// How the cells of a column become numbers: a missing number is NaN, a missing or unknown category -1.
class CellEncoder {
 public:
  explicit CellEncoder(const Column& column) : categorical_(column.categorical()), values_(column.values) {}
  std::optional<float> encode(std::string_view cell) const;  // nothing: a number was expected

 private:
  bool categorical_;
  TextIndex values_;
};

// Column `position` of all rows into column `target` of a float32 table [N, F]. Throws InputError with
// file:line.
void encode_column(const CsvFile& csv, const std::string& file, size_t position, const Column& column,
                   torch::Tensor& table, int64_t target);
// Classes of all rows, int64 [N]. Throws InputError with file:line for an empty cell and for an unknown
// class.
torch::Tensor encode_targets(const CsvFile& csv, const std::string& file, size_t position,
                             const std::vector<std::string>& classes);

}  // namespace lathe::data
