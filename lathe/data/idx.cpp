// The IDX format of MNIST: a big-endian magic number (two zeros, the type, the number of dimensions), the
// sizes as big-endian 32-bit integers, the values.
#include <array>
#include <cstring>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/byte_reader.h"
#include "lathe/data/image_codec.h"
#include "lathe/data/sources.h"

namespace lathe::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFiles[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                  "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

struct IdxFile {
  fs::path file;
  std::vector<int64_t> shape;
  std::string header, values;
};

int64_t big_endian(const std::string& bytes, size_t at) {
  int64_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

IdxFile read_file(const fs::path& directory, const char* name, int num_dimensions) {
  IdxFile idx;
  idx.file = directory / name;
  if (!fs::exists(idx.file)) idx.file += ".gz";
  if (!fs::exists(idx.file))
    throw InputError("{}: neither {} nor {}.gz is there", directory.string(), name, name);

  ByteReader reader(idx.file);
  idx.header = reader.read(4 * (1 + num_dimensions));
  constexpr int64_t kUnsignedBytes = 0x0800;
  int64_t magic = big_endian(idx.header, 0);
  if (magic != kUnsignedBytes + num_dimensions)
    throw InputError(
        "{}: offset 0: an IDX file of bytes with {} dimensions begins with {:#010x}, this one with {:#010x}",
        idx.file.string(), num_dimensions, kUnsignedBytes + num_dimensions, magic);
  size_t size = 1;
  for (int i = 0; i < num_dimensions; ++i) {
    idx.shape.push_back(big_endian(idx.header, 4 * (i + 1)));
    if (idx.shape[i] == 0 || (i > 0 && idx.shape[i] > kMaxImageSide))
      throw InputError("{}: offset {}: size {} is outside of 1 … {}", idx.file.string(), 4 * (i + 1),
                       idx.shape[i], i > 0 ? kMaxImageSide : int64_t{UINT32_MAX});
    size *= static_cast<size_t>(idx.shape[i]);
  }
  idx.values = reader.read(size);
  reader.expect_end();
  return idx;
}

struct ImagesAndLabels {
  IdxFile images, labels;
};

ImagesAndLabels read_pair(const fs::path& directory, const char* images, const char* labels) {
  ImagesAndLabels pair{read_file(directory, images, 3), read_file(directory, labels, 1)};
  if (pair.images.shape[0] != pair.labels.shape[0])
    throw InputError("{} has {} images, but {} has {} labels", pair.images.file.string(),
                     pair.images.shape[0], pair.labels.file.string(), pair.labels.shape[0]);
  return pair;
}

struct LabelRange {
  int first, last;
};

// Labels of a training set are consecutive numbers; what lies beyond a gap is damage, not a class.
LabelRange label_range(const IdxFile& labels) {
  std::array<int64_t, 256> offset;
  offset.fill(-1);
  for (size_t i = 0; i < labels.values.size(); ++i) {
    int64_t& first_seen = offset[static_cast<unsigned char>(labels.values[i])];
    if (first_seen < 0) first_seen = static_cast<int64_t>(labels.header.size() + i);
  }
  int first = 0;
  while (offset[first] < 0) ++first;
  int last = first;
  while (last + 1 < 256 && offset[last + 1] >= 0) ++last;
  for (int label = last + 1; label < 256; ++label)
    if (offset[label] >= 0)
      throw InputError("{}: offset {}: label {} is out of range: the other labels are {} … {}, none is {}",
                       labels.file.string(), offset[label], label, first, last, last + 1);
  return {first, last};
}

Dataset to_dataset(const ImagesAndLabels& pair, LabelRange range, std::vector<std::string> classes) {
  const IdxFile &images = pair.images, &labels = pair.labels;
  Dataset dataset;
  dataset.schema.shape = {1, images.shape[1], images.shape[2]};
  dataset.schema.classes = std::move(classes);
  dataset.inputs = torch::empty({images.shape[0], 1, images.shape[1], images.shape[2]}, torch::kUInt8);
  std::memcpy(dataset.inputs.data_ptr(), images.values.data(), images.values.size());
  dataset.targets = torch::empty({labels.shape[0]}, torch::kInt64);
  for (size_t i = 0; i < labels.values.size(); ++i) {
    int label = static_cast<unsigned char>(labels.values[i]);
    if (label < range.first || label > range.last)
      throw InputError("{}: offset {}: label {} is out of range: the training labels are {} … {}",
                       labels.file.string(), labels.header.size() + i, label, range.first, range.last);
    dataset.targets.data_ptr<int64_t>()[i] = label - range.first;
  }
  return dataset;
}

Source to_source(const ImagesAndLabels& train, const ImagesAndLabels& test,
                 const std::vector<std::string>& classes, LabelRange range) {
  Source source;
  source.train = to_dataset(train, range, classes);
  source.test = to_dataset(test, range, classes);
  if (source.train.schema.shape != source.test.schema.shape)
    throw InputError("{} has images of {}×{}, but {} of {}×{}", train.images.file.string(),
                     train.images.shape[1], train.images.shape[2], test.images.file.string(),
                     test.images.shape[1], test.images.shape[2]);
  return source;
}

}  // namespace

Source read_idx(const std::string& operand, const SourceOptions&) {
  ImagesAndLabels train = read_pair(operand, kFiles[0], kFiles[1]),
                  test = read_pair(operand, kFiles[2], kFiles[3]);
  LabelRange range = label_range(train.labels);
  std::vector<std::string> classes;
  for (int label = range.first; label <= range.last; ++label) classes.push_back(std::to_string(label));
  return to_source(train, test, classes, range);
}

Source read_fashion_mnist(const std::string& operand, const SourceOptions&) {
  fs::path directory = operand.empty() ? "/usr/share/datasets/fashion-mnist" : operand;
  if (!fs::is_directory(directory))
    throw InputError(
        "{} is no directory: install Debian's package dataset-fashion-mnist, or name the directory of the "
        "four files: fashion-mnist:DIR",
        directory.string());
  ImagesAndLabels train = read_pair(directory, kFiles[0], kFiles[1]),
                  test = read_pair(directory, kFiles[2], kFiles[3]);

  // SHA-256 of the inflated files: zalandoresearch/fashion-mnist as Debian ships it.
  const std::pair<const IdxFile*, const char*> expected[] = {
      {&train.images, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"},
      {&train.labels, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"},
      {&test.images, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"},
      {&test.labels, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"}};
  for (const auto& [idx, hash] : expected)
    if (std::string found = core::sha256(idx->header + idx->values); found != hash)
      throw InputError(
          "{} is not Fashion-MNIST's: SHA-256 of its content is {}, not {}; idx:DIR reads other data",
          idx->file.string(), found, hash);
  return to_source(train, test,
                   {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
                    "Bag", "Ankle boot"},
                   {0, 9});
}

}  // namespace lathe::data
