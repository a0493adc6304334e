#include "lathe/data/byte_reader.h"

#include <zlib.h>

#include <algorithm>

#include "lathe/core/error.h"
#include "lathe/core/files.h"

namespace lathe::data {
namespace {

constexpr size_t kMostInflation = 1032;  // deflate's limit: 258 bytes from two bits

void end_inflate(z_stream* stream) {
  inflateEnd(stream);
  delete stream;
}

}  // namespace

ByteReader::ByteReader(const std::filesystem::path& file)
    : file_(file), bytes_(core::read_file(file)), gzip_(nullptr, end_inflate) {
  if (bytes_.compare(0, 2, "\x1f\x8b") != 0) return;
  gzip_.reset(new z_stream{});
  constexpr int kGzipOnly = 16;
  if (inflateInit2(gzip_.get(), MAX_WBITS + kGzipOnly) != Z_OK)
    throw Error("{}: zlib cannot start", file.string());
}

size_t ByteReader::most_left() const {
  if (!gzip_) return bytes_.size() - offset_;
  return std::max(bytes_.size() * kMostInflation, offset_) - offset_;
}

std::string ByteReader::read(size_t count) {
  if (count > most_left())
    throw InputError("{}: truncated: {} more bytes were expected at offset {}, at most {} are left",
                     file_.string(), count, offset_, most_left());
  std::string result;
  if (gzip_) {
    result.resize(count);
    size_t got = inflate_some(result.data(), count);
    if (got < count)
      throw InputError("{}: truncated: {} more bytes were expected at offset {} of its content, {} are left",
                       file_.string(), count, offset_, got);
  } else {
    result = bytes_.substr(offset_, count);
  }
  offset_ += count;
  return result;
}

void ByteReader::expect_end() {
  char extra;
  bool more = gzip_ ? inflate_some(&extra, 1) > 0 : offset_ < bytes_.size();
  if (more)
    throw InputError("{}: more bytes follow where its content should end, at offset {}", file_.string(),
                     offset_);
  if (gzip_ && gzip_->total_in < bytes_.size())
    throw InputError("{}: more bytes follow the gzip stream, at offset {}", file_.string(), gzip_->total_in);
}

size_t ByteReader::inflate_some(char* to, size_t count) {
  size_t done = 0;
  while (done < count && !gzip_ended_) {
    // zlib counts in 32 bits; files and arrays may be larger.
    constexpr size_t kChunk = size_t{1} << 30;
    size_t at = gzip_->total_in, room = std::min(count - done, kChunk);
    gzip_->next_in = reinterpret_cast<Bytef*>(bytes_.data() + at);
    gzip_->avail_in = static_cast<uInt>(std::min(bytes_.size() - at, kChunk));
    gzip_->next_out = reinterpret_cast<Bytef*>(to + done);
    gzip_->avail_out = static_cast<uInt>(room);
    int status = inflate(gzip_.get(), Z_NO_FLUSH);
    done += room - gzip_->avail_out;
    if (status == Z_STREAM_END) {
      gzip_ended_ = true;
    } else if (status == Z_BUF_ERROR ||
               (status == Z_OK && gzip_->total_in == bytes_.size() && gzip_->avail_out > 0)) {
      throw InputError("{}: the gzip stream is truncated at offset {}", file_.string(), bytes_.size());
    } else if (status != Z_OK) {
      throw InputError("{}: the gzip stream is damaged before offset {}: {}", file_.string(), gzip_->total_in,
                       gzip_->msg ? gzip_->msg : "it needs a dictionary");
    }
  }
  return done;
}

}  // namespace lathe::data
