#include "lathe/nn/zip_check.h"

#include <zlib.h>

#include "lathe/core/error.h"

namespace lathe::nn {
namespace {

// PKWARE's APPNOTE.TXT, §4.3: little-endian records, each with a signature.
constexpr uint64_t kEntry = 0x02014b50, kLocal = 0x04034b50, kEnd64Locator = 0x07064b50;
constexpr uint64_t kIn64 = 0xffffffff, kExtra64 = 1;  // the number is in the record's extra field
constexpr uint64_t kStored = 0, kDeflated = 8;        // methods

class ZipChecker {
 public:
  explicit ZipChecker(std::string_view bytes) : bytes_(bytes) {}

  void check() const {
    uint64_t at = 0, count = 0;
    const uint64_t end = find_end();
    if (end >= 20 && number(end - 20, 4) == kEnd64Locator) {
      const uint64_t end64 = number(end - 20 + 8, 8);
      count = number(end64 + 32, 8);
      at = number(end64 + 48, 8);
    } else {
      count = number(end + 10, 2);
      at = number(end + 16, 4);
    }
    for (uint64_t i = 0; i < count; ++i) {
      if (number(at, 4) != kEntry) fail("the directory");
      check_entry(at);
      at += 46 + number(at + 28, 2) + number(at + 30, 2) + number(at + 32, 2);
    }
  }

 private:
  [[noreturn]] static void fail(const char* what) { throw InputError("{} is damaged", what); }

  std::string_view part(uint64_t at, uint64_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) fail("an offset or length");
    return bytes_.substr(at, size);
  }

  uint64_t number(uint64_t at, uint64_t size) const {
    uint64_t value = 0;
    const std::string_view field = part(at, size);
    for (size_t i = field.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(field[i]);
    return value;
  }

  // The last record, behind which a comment may stand.
  uint64_t find_end() const {
    constexpr char kSignature[] = "PK\x05\x06";
    const size_t end = bytes_.rfind(kSignature);
    constexpr size_t kEndBytes = 22;
    if (end == bytes_.npos || bytes_.size() - end < kEndBytes) fail("the end");
    return end;
  }

  void check_entry(uint64_t entry) const {
    uint64_t packed_size = number(entry + 20, 4), size = number(entry + 24, 4),
             offset = number(entry + 42, 4);
    uint64_t extra = entry + 46 + number(entry + 28, 2);
    const uint64_t extra_end = extra + number(entry + 30, 2);
    while (extra + 4 <= extra_end && number(extra, 2) != kExtra64) extra += 4 + number(extra + 2, 2);
    extra += 4;
    for (uint64_t* value : {&size, &packed_size, &offset})
      if (*value == kIn64) {
        *value = number(extra, 8);
        extra += 8;
      }

    if (number(offset, 4) != kLocal) fail("the head of an entry");
    const uint64_t head_size = 30 + number(offset + 26, 2) + number(offset + 28, 2);
    const std::string_view packed = part(offset + head_size, packed_size);
    const uint64_t method = number(entry + 10, 2);
    if (method != kStored && method != kDeflated) fail("the head of an entry");
    const uLong crc = method == kStored ? checksum(packed) : checksum(inflated(packed, size));
    if (crc != number(entry + 16, 4)) fail("the content of an entry");
  }

  static uLong checksum(std::string_view content) {
    uLong crc = 0;
    constexpr size_t kChunk = size_t{1} << 30;  // zlib counts in 32 bits
    for (size_t done = 0; done < content.size(); done += kChunk) {
      const std::string_view piece = content.substr(done, kChunk);
      crc = crc32(crc, reinterpret_cast<const Bytef*>(piece.data()), static_cast<uInt>(piece.size()));
    }
    return crc;
  }

  // libtorch packs its code, which is small.
  static std::string inflated(std::string_view packed, uint64_t size) {
    constexpr uint64_t kMostInflation = 1032, kMostBytes = uint64_t{1} << 30;
    if (size > kMostBytes || packed.size() > kMostBytes || size > packed.size() * kMostInflation)
      fail("the size of an entry");
    std::string content(size, '\0');
    z_stream stream{};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw Error("zlib cannot start");
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = reinterpret_cast<Bytef*>(content.data());
    stream.avail_out = static_cast<uInt>(size);
    const int status = inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    if (status != Z_STREAM_END || stream.total_out != size) fail("the content of an entry");
    return content;
  }

  std::string_view bytes_;
};

}  // namespace

std::optional<std::string> zip_damage(std::string_view bytes) {
  try {
    ZipChecker(bytes).check();
    return std::nullopt;
  } catch (const InputError& damage) {
    return damage.what();
  }
}

}  // namespace lathe::nn
