#include "lathe/data/image_codec.h"

#include <png.h>
#include <turbojpeg.h>

#include <memory>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/inputs.h"

namespace lathe::data {
namespace {

bool is_png(std::string_view bytes) {
  return bytes.substr(0, 8) == "\x89PNG\r\n\x1a\n";
}
bool is_jpeg(std::string_view bytes) {
  return bytes.substr(0, 3) == "\xff\xd8\xff";
}

// Deflate packs 1032 bytes into one, and a pixel takes a bit at least.
constexpr int64_t kMostPngPixelsPerByte = 1032 * 8;
// Huffman codes take a bit at least for each block of 8×8.
constexpr int64_t kMostJpegPixelsPerByte = 64 * 8;

void check_size(const std::string& name, const ImageHeader& header, int64_t most_pixels) {
  if (header.height > kMaxImageSide || header.width > kMaxImageSide)
    throw InputError("{}: {}×{} pixels are too many; the limit is {} a side", name, header.width,
                     header.height, kMaxImageSide);
  // Colour is the most that a decoder may be asked for.
  if (int64_t bytes = header.height * header.width * 3; bytes > kMaxImageBytes)
    throw InputError("{}: {}×{} pixels take {} bytes; the limit is {}", name, header.width, header.height,
                     bytes, kMaxImageBytes);
  if (header.height * header.width > most_pixels)
    throw InputError("{}: truncated: it claims {}×{} pixels, its bytes hold at most {}", name, header.width,
                     header.height, most_pixels);
}

// Freed also when the constructor of what holds it throws.
struct PngImage : png_image {
  PngImage() : png_image{} { version = PNG_IMAGE_VERSION; }
  ~PngImage() { png_image_free(this); }
  PngImage(const PngImage&) = delete;
  PngImage& operator=(const PngImage&) = delete;
};

// libpng's simplified reader, from signature to pixels.
class PngReader {
 public:
  PngReader(std::string_view bytes, const std::string& name) : name_(name) {
    if (!png_image_begin_read_from_memory(&image_, bytes.data(), bytes.size())) fail();
    image_.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
    check_size(name_, header(), static_cast<int64_t>(bytes.size()) * kMostPngPixelsPerByte);
  }

  ImageHeader header() const {
    return {image_.height, image_.width, image_.format & PNG_FORMAT_FLAG_COLOR ? 3 : 1};
  }

  std::vector<uint8_t> pixels(int64_t channels) {
    image_.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    std::vector<uint8_t> pixels(PNG_IMAGE_SIZE(image_));
    const png_color white = {255, 255, 255};
    if (!png_image_finish_read(&image_, &white, pixels.data(), 0, nullptr)) fail();
    return pixels;
  }

 private:
  [[noreturn]] void fail() const { throw InputError("{}: not a whole PNG image: {}", name_, image_.message); }
  PngImage image_;
  const std::string& name_;
};

class JpegReader {
 public:
  JpegReader(std::string_view bytes, const std::string& name)
      : bytes_(bytes), name_(name), handle_(tjInitDecompress(), tjDestroy) {
    if (!handle_) throw Error("{}: libjpeg cannot start: {}", name, tjGetErrorStr2(nullptr));
    int width = 0, height = 0, subsampling = 0, colours = 0;
    if (tjDecompressHeader3(handle_.get(), data(), bytes_.size(), &width, &height, &subsampling, &colours) !=
        0)
      fail();
    header_ = {height, width, colours == TJCS_GRAY ? 1 : 3};
    check_size(name_, header_, static_cast<int64_t>(bytes_.size()) * kMostJpegPixelsPerByte);
  }

  ImageHeader header() const { return header_; }

  std::vector<uint8_t> pixels(int64_t channels) {
    std::vector<uint8_t> pixels(header_.height * header_.width * channels);
    if (tjDecompress2(handle_.get(), data(), bytes_.size(), pixels.data(), static_cast<int>(header_.width), 0,
                      static_cast<int>(header_.height), channels == 1 ? TJPF_GRAY : TJPF_RGB,
                      TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS) != 0)
      fail();
    return pixels;
  }

 private:
  [[noreturn]] void fail() const {
    throw InputError("{}: not a whole JPEG image: {}", name_, tjGetErrorStr2(handle_.get()));
  }
  const unsigned char* data() const { return reinterpret_cast<const unsigned char*>(bytes_.data()); }
  std::string_view bytes_;
  const std::string& name_;
  std::unique_ptr<void, int (*)(tjhandle)> handle_;
  ImageHeader header_{};
};

[[noreturn]] void fail_unknown(const std::string& name) {
  throw InputError("{}: neither a PNG nor a JPEG image", name);
}

torch::Tensor planar(const std::vector<uint8_t>& pixels, const ImageHeader& header, int64_t channels) {
  torch::Tensor image = torch::empty({channels, header.height, header.width}, torch::kUInt8);
  uint8_t* to = image.data_ptr<uint8_t>();
  int64_t plane = header.height * header.width;
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t i = 0; i < plane; ++i) *to++ = pixels[i * channels + c];
  return image;
}

}  // namespace

ImageHeader read_image_header(std::string_view bytes, const std::string& name) {
  if (is_png(bytes)) return PngReader(bytes, name).header();
  if (is_jpeg(bytes)) return JpegReader(bytes, name).header();
  fail_unknown(name);
}

torch::Tensor decode_image(std::string_view bytes, const std::string& name, int64_t channels) {
  if (channels != 1 && channels != 3) throw Error("images have 1 or 3 channels, not {}", channels);
  auto decode = [&](auto&& reader) { return planar(reader.pixels(channels), reader.header(), channels); };
  if (is_png(bytes)) return decode(PngReader(bytes, name));
  if (is_jpeg(bytes)) return decode(JpegReader(bytes, name));
  fail_unknown(name);
}

torch::Tensor read_image(const std::filesystem::path& file, int64_t channels) {
  return decode_image(core::read_file(file), file.string(), channels);
}

std::string encode_png(const torch::Tensor& image) {
  if (image.dim() != 3 || (image.size(0) != 1 && image.size(0) != 3) ||
      image.scalar_type() != torch::kUInt8 || image.numel() == 0)
    throw Error("encode_png takes a uint8 image [1 or 3, height, width]");
  torch::Tensor interleaved = image.cpu().permute({1, 2, 0}).contiguous();
  PngImage png;
  png.height = static_cast<png_uint_32>(image.size(1));
  png.width = static_cast<png_uint_32>(image.size(2));
  png.format = image.size(0) == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(png);
  std::string bytes(size, '\0');
  if (!png_image_write_to_memory(&png, bytes.data(), &size, 0, interleaved.data_ptr(), 0, nullptr))
    throw Error("cannot encode a PNG image: {}", png.message);
  bytes.resize(size);
  return bytes;
}

}  // namespace lathe::data
