// JPEG images.
#include <turbojpeg.h>

#include <torch/torch.h>

#include "lathe/data/image_codec.h"
#include "tests/fuzz/seed_files.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

void read(std::string_view bytes) {
  const data::ImageHeader header = data::read_image_header(bytes, "image.jpg");
  for (int64_t channels : {1, 3}) {
    const torch::Tensor image = data::decode_image(bytes, "image.jpg", channels);
    require(image.size(1) == header.height && image.size(2) == header.width,
            "the pixels are as many as the header says");
  }
}

std::string jpeg(const torch::Tensor& image, int subsampling, int flags) {
  const torch::Tensor interleaved = image.permute({1, 2, 0}).contiguous();
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  const tjhandle handle = tjInitCompress();
  tjCompress2(handle, interleaved.data_ptr<uint8_t>(), static_cast<int>(image.size(2)), 0,
              static_cast<int>(image.size(1)), image.size(0) == 1 ? TJPF_GRAY : TJPF_RGB, &bytes, &size,
              subsampling, 75, flags);
  std::string result(reinterpret_cast<char*>(bytes), size);
  tjFree(bytes);
  tjDestroy(handle);
  return result;
}

std::vector<std::string> seeds() {
  return {jpeg(gradient_image(3, 9, 17), TJSAMP_420, 0),
          jpeg(gradient_image(3, 8, 8), TJSAMP_444, TJFLAG_PROGRESSIVE),
          jpeg(gradient_image(1, 12, 5), TJSAMP_GRAY, 0)};
}

const bool registered = add_target({"jpeg", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
