#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/parallel.h"
#include "lathe/core/progress.h"
#include "lathe/data/gather.h"
#include "lathe/data/image_codec.h"
#include "lathe/data/inputs.h"
#include "lathe/data/sources.h"
#include "lathe/data/text.h"

namespace lathe::data {
namespace {

namespace fs = std::filesystem;

struct ImageFile {
  fs::path path;
  int64_t target;
  std::optional<ImageHeader> header;  // none: unreadable, for this reason:
  std::string reason;
};

std::vector<fs::path> sorted_entries(const fs::path& directory) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(directory, error))
    if (entry.path().filename().string()[0] != '.') entries.push_back(entry.path());
  if (error) throw InputError("cannot read the directory {}: {}", directory.string(), error.message());
  std::sort(entries.begin(), entries.end());
  return entries;
}

bool named_as_image(const fs::path& file) {
  std::string extension = lower_extension(file);
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

std::vector<std::string> class_folders(const fs::path& directory) {
  std::vector<std::string> classes;
  for (const fs::path& entry : sorted_entries(directory))
    if (fs::is_directory(entry)) {
      std::string name = entry.filename().string();
      if (!is_utf8(name)) throw InputError("{}: the folder's name is not UTF-8", entry.string());
      classes.push_back(name);
    }
  if (classes.empty())
    throw InputError("{} holds no folders; it must hold one folder per class", directory.string());
  return classes;
}

class FolderReader {
 public:
  FolderReader(std::vector<std::string> classes, const SourceOptions& options)
      : classes_(std::move(classes)), options_(options) {}

  void list(const fs::path& directory, std::vector<ImageFile>& files) {
    for (const std::string& name : class_folders(directory)) {
      auto found = std::find(classes_.begin(), classes_.end(), name);
      if (found == classes_.end())
        throw InputError("{} is a class that the training images do not have", (directory / name).string());
      for (const fs::path& file : sorted_entries(directory / name))
        if (named_as_image(file))
          files.push_back({file, found - classes_.begin(), {}, ""});
        else
          unreadable_.push_back(file.string() + ": not named .png, .jpg or .jpeg");
    }
    if (files.empty()) throw InputError("{}: its folders hold no PNG or JPEG files", directory.string());
  }

  // Sizes and colour of all files, before any memory is taken.
  void scan(std::vector<ImageFile>& files) {
    attempt_all(files, [&](ImageFile& file) {
      file.header = read_image_header(core::read_file(file.path), file.path.string());
    });
    for (const ImageFile& file : files) {
      if (!file.header) continue;
      const ImageHeader& header = *file.header;
      channels_ = std::max(channels_, header.channels);
      if (height_ == 0) {
        height_ = options_.image_size > 0 ? options_.image_size : header.height;
        width_ = options_.image_size > 0 ? options_.image_size : header.width;
      }
      auto area = [](const ImageHeader& size) { return size.height * size.width; };
      if (!smallest_ || area(header) < area(*smallest_)) smallest_ = header;
      if (!largest_ || area(header) > area(*largest_)) largest_ = header;
    }
  }

  Dataset read(std::vector<ImageFile>& files) {
    Dataset dataset;
    dataset.schema.shape = {channels_, height_, width_};
    dataset.schema.classes = classes_;
    int64_t count = static_cast<int64_t>(files.size()), image_bytes = channels_ * height_ * width_;
    double memory = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
    if (double needed = static_cast<double>(count) * static_cast<double>(image_bytes); needed > memory)
      throw InputError(
          "{} images of {}×{} take {} of memory, this machine has {}; choose a smaller image_size", count,
          width_, height_, core::human_bytes(static_cast<uint64_t>(needed)),
          core::human_bytes(static_cast<uint64_t>(memory)));

    dataset.inputs = torch::empty({count, channels_, height_, width_}, torch::kUInt8);
    dataset.targets = torch::empty({count}, torch::kInt64);
    uint8_t* to = dataset.inputs.data_ptr<uint8_t>();
    attempt_all(files, [&](ImageFile& file) {
      if (!file.header) return;
      torch::Tensor image = decode_image(core::read_file(file.path), file.path.string(), channels_);
      torch::Tensor fitted = fit_image(image, height_, width_);
      std::memcpy(to + (&file - files.data()) * image_bytes, fitted.data_ptr(), image_bytes);
    });

    std::vector<int64_t> kept;
    for (int64_t i = 0; i < count; ++i) {
      dataset.targets.data_ptr<int64_t>()[i] = files[i].target;
      if (files[i].reason.empty())
        kept.push_back(i);
      else
        unreadable_.push_back(files[i].reason);
    }
    if (kept.empty()) throw InputError("no image can be read, the first one because {}", files[0].reason);
    if (static_cast<int64_t>(kept.size()) < count)
      dataset = dataset.select(torch::tensor(kept, torch::kInt64));
    return dataset;
  }

  std::vector<std::string> unreadable() const { return unreadable_; }
  std::string sizes() const {
    auto text = [](const ImageHeader& size) { return fmt::format("{}×{}", size.width, size.height); };
    std::string low = text(*smallest_), high = text(*largest_);
    return low == high ? low : low + " to " + high;
  }

 private:
  template <typename Body>
  void attempt_all(std::vector<ImageFile>& files, const Body& body) {
    core::parallel_for(static_cast<int64_t>(files.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        try {
          body(files[i]);
        } catch (const InputError& error) {
          if (!options_.skip_unreadable) throw;
          files[i].header.reset();
          files[i].reason = error.what();
        }
      }
    });
  }

  std::vector<std::string> classes_;
  SourceOptions options_;
  std::vector<std::string> unreadable_;
  int64_t channels_ = 1, height_ = 0, width_ = 0;
  std::optional<ImageHeader> smallest_, largest_;
};

}  // namespace

Source read_image_folders(const std::string& operand, const SourceOptions& options) {
  if (options.image_size < 0 || options.image_size > kMaxImageSide)
    throw InputError("image_size must be between 0 and {}, got {}", kMaxImageSide, options.image_size);
  fs::path root = operand;
  bool has_test = fs::is_directory(root / "train") && fs::is_directory(root / "test");
  fs::path train_root = has_test ? root / "train" : root;

  FolderReader reader(class_folders(train_root), options);
  std::vector<ImageFile> train, test;
  reader.list(train_root, train);
  if (has_test) reader.list(root / "test", test);
  reader.scan(train);
  reader.scan(test);

  Source source;
  source.train = reader.read(train);
  if (has_test) source.test = reader.read(test);
  source.unreadable = reader.unreadable();
  source.image_sizes = reader.sizes();
  return source;
}

}  // namespace lathe::data
