// CIFAR-10's binary version: records of a label and 3 × 32 × 32 bytes, channel by channel.
#include <cstring>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/sources.h"

namespace lathe::data {
namespace {

constexpr size_t kImageBytes = 3 * 32 * 32, kRecordBytes = 1 + kImageBytes;

Dataset read_batches(const std::filesystem::path& directory, const std::vector<std::string>& files) {
  std::vector<std::string> contents;
  size_t num_records = 0;
  for (const std::string& file : files) {
    const std::string& bytes = contents.emplace_back(core::read_file(directory / file));
    if (bytes.empty() || bytes.size() % kRecordBytes != 0)
      throw InputError("{}: {} bytes are no whole number of records of {} bytes", (directory / file).string(),
                       bytes.size(), kRecordBytes);
    num_records += bytes.size() / kRecordBytes;
  }

  Dataset dataset;
  dataset.schema.shape = {3, 32, 32};
  dataset.schema.classes = {"airplane", "automobile", "bird",  "cat",  "deer",
                            "dog",      "frog",       "horse", "ship", "truck"};
  dataset.inputs = torch::empty({static_cast<int64_t>(num_records), 3, 32, 32}, torch::kUInt8);
  dataset.targets = torch::empty({static_cast<int64_t>(num_records)}, torch::kInt64);
  uint8_t* image = dataset.inputs.data_ptr<uint8_t>();
  int64_t* target = dataset.targets.data_ptr<int64_t>();
  for (size_t f = 0; f < files.size(); ++f)
    for (size_t at = 0; at < contents[f].size(); at += kRecordBytes) {
      *target = static_cast<unsigned char>(contents[f][at]);
      if (*target >= dataset.schema.num_classes())
        throw InputError("{}: offset {}: label {} is out of range 0 … {}", (directory / files[f]).string(),
                         at, *target, dataset.schema.num_classes() - 1);
      std::memcpy(image, contents[f].data() + at + 1, kImageBytes);
      image += kImageBytes;
      ++target;
    }
  return dataset;
}

}  // namespace

Source read_cifar10(const std::string& operand, const SourceOptions&) {
  Source source;
  source.train = read_batches(operand, {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                        "data_batch_4.bin", "data_batch_5.bin"});
  source.test = read_batches(operand, {"test_batch.bin"});
  return source;
}

}  // namespace lathe::data
