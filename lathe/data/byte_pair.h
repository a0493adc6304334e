#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lathe::data {

// Byte-pair encoding (Sennrich, Haddow & Birch 2016, §3.2) over bytes, so that nothing is unknown and every
// text comes back whole. Tokens by number: the vocabulary's special ones (data/tokenize.h), the 256 bytes,
// then the merged pairs in the order in which they were learnt. Pairs are merged within pieces: words with
// the space before them, runs of punctuation, runs of white space.
class BytePairs {
 public:
  using Merge = std::pair<int64_t, int64_t>;  // the numbers of the two tokens that become one

  // Merges the most frequent pair of neighbours, of equally frequent ones that with the smaller numbers,
  // until there are `max_tokens` besides the special ones, or no pair occurs twice. Throws InputError where
  // that is less than the 256 bytes.
  BytePairs(const std::vector<std::string>& texts, int64_t max_tokens);
  // As learnt before. Throws InputError where a pair names a token that comes later, or is there twice.
  explicit BytePairs(std::vector<Merge> merges);

  int64_t size() const { return static_cast<int64_t>(tokens_.size()); }  // special ones included
  const std::vector<Merge>& merges() const { return merges_; }
  const std::string& token(int64_t number) const;  // its bytes; throws Error outside [0, size)
  std::vector<int64_t> encode(std::string_view text) const;
  std::string decode(const std::vector<int64_t>& numbers) const;  // special ones give nothing

 private:
  void add(Merge merge);
  void append_piece(std::string_view piece, std::vector<int64_t>& numbers) const;
  std::vector<Merge> merges_;
  std::vector<std::string> tokens_;
  std::unordered_map<uint64_t, int64_t> merged_;  // pair -> number
};

}  // namespace lathe::data
