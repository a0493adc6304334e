#include "lathe/data/shifted_files.h"

#include <torch/torch.h>

#include <algorithm>
#include <map>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/image_codec.h"
#include "lathe/data/npy.h"
#include "lathe/data/objects.h"

namespace lathe::data {
namespace {

namespace fs = std::filesystem;

torch::Tensor read_images(const fs::path& file) {
  const torch::Tensor images = read_npy(file);
  if (images.dim() != 4 || images.size(1) != 3 || images.numel() == 0)
    throw InputError("{}: images must be [N, 3, H, W], not [{}]", file.string(),
                     fmt::join(images.sizes(), ", "));
  if (images.scalar_type() == torch::kUInt8) return images;
  if (!images.is_floating_point())
    throw InputError("{}: images must be uint8 or floating point", file.string());
  if (!(images.ge(0) & images.le(1)).all().item<bool>())
    throw InputError("{}: floating-point images must lie in [0, 1]", file.string());
  return images.mul(255).round().to(torch::kUInt8);
}

// Integers below `limit`, one for each of `count` images.
torch::Tensor read_numbers(const fs::path& file, int64_t count, int64_t limit) {
  const torch::Tensor numbers = read_npy(file);
  if (numbers.dim() != 1 || numbers.size(0) != count || numbers.is_floating_point())
    throw InputError("{}: there must be {} integers, one for each image", file.string(), count);
  const torch::Tensor wide = numbers.to(torch::kInt64);
  const torch::Tensor wrong = (wide.lt(0) | wide.ge(limit)).nonzero();
  if (wrong.size(0) > 0) {
    const int64_t at = wrong[0].item<int64_t>();
    throw InputError("{}: element {} is {}, outside of 0 … {}", file.string(), at, wide[at].item<int64_t>(),
                     limit - 1);
  }
  return wide;
}

constexpr int64_t kMostClasses = 1000;

Dataset read_set(const fs::path& directory, const std::string& name) {
  Dataset set;
  set.inputs = read_images(directory / (name + ".images.npy"));
  set.targets = read_numbers(directory / (name + ".y.npy"), set.inputs.size(0), kMostClasses);
  set.schema.shape = set.inputs.sizes().slice(1).vec();
  return set;
}

std::map<std::string, fs::path> files_by_name(const fs::path& folder) {
  std::map<std::string, fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files[entry.path().stem()] = entry.path();
  return files;
}

// Each object has a mask of its name and size.
void check_masks(const fs::path& objects, const fs::path& masks) {
  if (!fs::is_directory(masks)) throw InputError("{} is not there", masks.string());
  const auto mask_files = files_by_name(masks);
  const auto size = [](const fs::path& file) {
    const ImageHeader header = read_image_header(core::read_file(file), file.string());
    return std::make_pair(header.width, header.height);
  };
  const auto object_files = files_by_name(objects);
  for (const auto& [name, object] : object_files) {
    const auto mask = mask_files.find(name);
    if (mask == mask_files.end()) throw InputError("{} has no mask in {}", object.string(), masks.string());
    if (size(object) != size(mask->second))
      throw InputError("{} is not as large as {}", mask->second.string(), object.string());
  }
  if (mask_files.size() > object_files.size())
    throw InputError("{} has masks that no object has", masks.string());
}

Dataset read_folders(const fs::path& folder, int64_t size) {
  if (!fs::is_directory(folder)) throw InputError("{} is not there", folder.string());
  return load_source("images:" + folder.string(), {.image_size = size}).train;
}

// uint8 [N, 4, size, size]: colours and mask.
Dataset read_objects(const fs::path& directory, int64_t size) {
  Dataset objects = read_folders(directory / "objects", size);
  for (const std::string& name : objects.schema.classes)
    check_masks(directory / "objects" / name, directory / "masks" / name);
  const Dataset masks = read_folders(directory / "masks", size);
  if (!torch::equal(masks.targets, objects.targets))
    throw InputError("{}: there must be one mask for each object", (directory / "masks").string());
  const torch::Tensor colours =
      objects.inputs.size(1) == 3 ? objects.inputs : objects.inputs.repeat({1, 3, 1, 1});
  objects.inputs = torch::cat({colours, masks.inputs.amax(1, /*keepdim=*/true)}, 1);
  objects.schema.shape = {4, size, size};
  return objects;
}

// Images of places by folder.
struct Places {
  std::vector<std::string> folders;
  std::vector<torch::Tensor> images;  // of each folder, uint8 [N, 3, size, size]
};

Places read_places(const fs::path& folder, int64_t size) {
  const Dataset all = read_folders(folder, size);
  Places places{all.schema.classes, {}};
  for (int64_t i = 0; i < all.schema.num_classes(); ++i) {
    const torch::Tensor images = all.inputs.index({all.targets.eq(i)});
    if (images.size(0) == 0)
      throw InputError("{} holds no images", (folder / places.folders[static_cast<size_t>(i)]).string());
    places.images.push_back(images.size(1) == 3 ? images : images.repeat({1, 3, 1, 1}));
  }
  return places;
}

int64_t anomaly_class(const fs::path& directory, const std::vector<std::string>& classes,
                      const std::vector<std::string>& with_places) {
  std::vector<std::string> without;
  std::set_difference(classes.begin(), classes.end(), with_places.begin(), with_places.end(),
                      std::back_inserter(without));
  if (without.size() != 1 || with_places.size() + 1 != classes.size())
    throw InputError("{} must hold a folder for each class of objects but one, the anomaly",
                     (directory / "own_places").string());
  return std::find(classes.begin(), classes.end(), without.front()) - classes.begin();
}

}  // namespace

ColouredImages coloured_digits(const fs::path& directory, core::Seed seed) {
  const Source digits = load_source("idx:" + directory.string());
  const int64_t count = digits.train.size(), validation = count / 6;
  const torch::Tensor order = torch::arange(count, torch::kInt64);
  return coloured_images(digits.train.select(order.slice(0, 0, count - validation)),
                         digits.train.select(order.slice(0, count - validation)), digits.test, seed,
                         {.threshold = 127});
}

ShiftedImages shifted_arrays(const fs::path& directory) {
  ShiftedImages images;
  images.train = read_set(directory, "train");
  images.train_minority = read_numbers(directory / "train.g.npy", images.train.size(), 2).to(torch::kUInt8);
  const int64_t num_classes = images.train.targets.max().item<int64_t>() + 1;
  for (int64_t i = 0; i < num_classes; ++i) images.train.schema.classes.push_back(std::to_string(i));
  const auto like_training = [&](const std::string& name) {
    Dataset set = read_set(directory, name);
    if (set.schema.shape != images.train.schema.shape)
      throw InputError("{}: its images are of another size than those of train.images.npy",
                       (directory / (name + ".images.npy")).string());
    if (set.targets.max().item<int64_t>() >= num_classes)
      throw InputError("{}: class {} is not among those of train.y.npy, 0 … {}",
                       (directory / (name + ".y.npy")).string(), set.targets.max().item<int64_t>(),
                       num_classes - 1);
    set.schema = images.train.schema;
    return set;
  };
  images.id_validation = like_training("validtest");
  images.xn_validation = like_training("valoodtest");
  images.sg_validation = like_training("valsgtest");
  images.id_test = like_training("idtest");
  images.xn_test = like_training("oodtest");
  images.sg_test = like_training("sgtest");
  images.anomalies = read_images(directory / "anotest.images.npy");
  return images;
}

ShiftedImages objects_on_places(const fs::path& directory, core::Seed seed, const PlacesOptions& o) {
  Source objects;
  objects.train = read_objects(directory, o.size);
  const Places own = read_places(directory / "own_places", o.size),
               other = read_places(directory / "other_places", o.size);
  if (other.folders != std::vector<std::string>{"test", "training", "validation"})
    throw InputError("{} must hold the folders training, validation and test",
                     (directory / "other_places").string());
  const int64_t anomaly = anomaly_class(directory, objects.train.schema.classes, own.folders);
  // One context stands for all places of a kind; which of them an image shows is drawn.
  const ContextNumbers number{static_cast<int64_t>(own.folders.size()), 1};
  const auto places_of = [&](int64_t context) -> const torch::Tensor& {
    if (context < number.num_classes) return own.images[static_cast<size_t>(context)];
    return other.images[context == number.test(0) ? 0 : context == number.other(0) ? 1 : 2];
  };
  const PutIntoContext put = [&](const torch::Tensor& some, const std::vector<int64_t>& contexts,
                                 core::Seed of_set) {
    core::Random random = of_set.random();
    std::vector<torch::Tensor> backgrounds;
    for (int64_t context : contexts) {
      const torch::Tensor& places = places_of(context);
      backgrounds.push_back(places[static_cast<int64_t>(random.below(places.size(0)))]);
    }
    return put_before(some, torch::stack(backgrounds));
  };
  const Splits parts = split(objects, {.holdout = o.validation, .test = o.test}, seed.stream("objects"));
  return shifted_images(parts.train, parts.holdout, parts.test, put, seed,
                        {.bias = o.bias, .anomaly_class = anomaly, .contexts_per_set = 1});
}

}  // namespace lathe::data
