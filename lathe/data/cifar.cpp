// CIFAR's binary versions: records of one label (CIFAR-10) or of a coarse and a fine one (CIFAR-100), and 3 ×
// 32 × 32 bytes, channel by channel.
#include <cstring>
#include <set>
#include <sstream>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/sources.h"
#include "lathe/data/text.h"

namespace lathe::data {
namespace {

namespace fs = std::filesystem;

constexpr size_t kImageBytes = 3 * 32 * 32;

struct Labels {
  std::vector<int> num_classes;  // of each of a record's labels
  size_t used;                   // which of them are the targets
  std::vector<std::string> classes;
};

Dataset read_batches(const fs::path& directory, const std::vector<std::string>& files, const Labels& labels) {
  const size_t label_bytes = labels.num_classes.size(), record_bytes = label_bytes + kImageBytes;
  std::vector<std::string> contents;
  size_t num_records = 0;
  for (const std::string& file : files) {
    const std::string& bytes = contents.emplace_back(core::read_file(directory / file));
    if (bytes.empty() || bytes.size() % record_bytes != 0)
      throw InputError("{}: {} bytes are no whole number of records of {} bytes", (directory / file).string(),
                       bytes.size(), record_bytes);
    num_records += bytes.size() / record_bytes;
  }

  Dataset dataset;
  dataset.schema.shape = {3, 32, 32};
  dataset.schema.classes = labels.classes;
  dataset.inputs = torch::empty({static_cast<int64_t>(num_records), 3, 32, 32}, torch::kUInt8);
  dataset.targets = torch::empty({static_cast<int64_t>(num_records)}, torch::kInt64);
  uint8_t* image = dataset.inputs.data_ptr<uint8_t>();
  int64_t* target = dataset.targets.data_ptr<int64_t>();
  for (size_t f = 0; f < files.size(); ++f)
    for (size_t at = 0; at < contents[f].size(); at += record_bytes) {
      for (size_t i = 0; i < label_bytes; ++i) {
        const int label = static_cast<unsigned char>(contents[f][at + i]);
        if (label >= labels.num_classes[i])
          throw InputError("{}: offset {}: label {} is out of range 0 … {}", (directory / files[f]).string(),
                           at + i, label, labels.num_classes[i] - 1);
        if (i == labels.used) *target = label;
      }
      std::memcpy(image, contents[f].data() + at + label_bytes, kImageBytes);
      image += kImageBytes;
      ++target;
    }
  return dataset;
}

// One a line; numbers where there is no such file.
std::vector<std::string> class_names(const fs::path& file, int num_classes) {
  std::vector<std::string> names;
  if (!fs::exists(file)) {
    for (int i = 0; i < num_classes; ++i) names.push_back(std::to_string(i));
    return names;
  }
  std::istringstream lines(core::read_file(file));
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (const std::string_view name = trim(line); !name.empty()) names.emplace_back(name);
  }
  const std::set<std::string> distinct(names.begin(), names.end());
  if (names.size() != static_cast<size_t>(num_classes) || distinct.size() != names.size())
    throw InputError("{}: must be {} different names, one a line; it has {}, {} of them different",
                     file.string(), num_classes, names.size(), distinct.size());
  for (const std::string& name : names)
    if (!is_utf8(name)) throw InputError("{}: '{}' is not UTF-8", file.string(), excerpt(name));
  return names;
}

}  // namespace

Source read_cifar10(const std::string& operand, const SourceOptions&) {
  const Labels labels = {
      {10}, 0, {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}};
  Source source;
  source.train = read_batches(
      operand,
      {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
      labels);
  source.test = read_batches(operand, {"test_batch.bin"}, labels);
  return source;
}

// DIR or DIR?labels=fine|coarse
Source read_cifar100(const std::string& operand, const SourceOptions&) {
  const size_t question = operand.find('?');
  const fs::path directory = operand.substr(0, question);
  const std::string setting = question == operand.npos ? "labels=fine" : operand.substr(question + 1);
  if (setting != "labels=fine" && setting != "labels=coarse")
    throw InputError("cifar100:{}: '{}' is neither labels=fine nor labels=coarse", operand, setting);
  const bool fine = setting == "labels=fine";
  const Labels labels = {{20, 100},
                         fine ? size_t{1} : size_t{0},
                         fine ? class_names(directory / "fine_label_names.txt", 100)
                              : class_names(directory / "coarse_label_names.txt", 20)};
  Source source;
  source.train = read_batches(directory, {"train.bin"}, labels);
  source.test = read_batches(directory, {"test.bin"}, labels);
  return source;
}

}  // namespace lathe::data
