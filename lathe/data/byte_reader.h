#pragma once
#include <filesystem>
#include <memory>
#include <string>

struct z_stream_s;

namespace lathe::data {

// The content of a file from front to back, inflated on the way if the file is a gzip file.
class ByteReader {
 public:
  explicit ByteReader(const std::filesystem::path& file);
  size_t offset() const { return offset_; }  // in the content
  size_t most_left() const;                  // no more content than this can follow
  std::string read(size_t count);  // throws InputError when less is left or the gzip stream is broken
  void expect_end();               // throws InputError when more follows or the checksum is wrong

 private:
  size_t inflate_some(char* to, size_t count);
  std::filesystem::path file_;
  std::string bytes_;
  size_t offset_ = 0;
  std::unique_ptr<z_stream_s, void (*)(z_stream_s*)> gzip_;  // null for a plain file
  bool gzip_ended_ = false;
};

}  // namespace lathe::data
