#include "lathe/data/byte_pair.h"

#include <algorithm>
#include <queue>
#include <set>

#include "lathe/core/error.h"
#include "lathe/data/tokenize.h"

namespace lathe::data {
namespace {

constexpr int64_t kNumBytes = 256;
constexpr size_t kLongestPiece = 64;  // bytes: a text without spaces takes no longer than another

using Merge = BytePairs::Merge;

uint64_t key(Merge pair) {
  return static_cast<uint64_t>(pair.first) << 32 | static_cast<uint64_t>(pair.second);
}

enum class Kind { space, word, other };

Kind kind_of(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (c == ' ' || (c >= '\t' && c <= '\r')) return Kind::space;
  const bool word = byte > 127 || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
  return word ? Kind::word : Kind::other;
}

// Where the piece that begins at `at` ends.
size_t piece_end(std::string_view text, size_t at) {
  const size_t limit = std::min(text.size(), at + kLongestPiece);
  size_t end = at + 1;
  if (text[at] == ' ' && end < limit && kind_of(text[end]) != Kind::space) ++end;
  const Kind kind = kind_of(text[end - 1]);
  while (end < limit && kind_of(text[end]) == kind) ++end;
  // The last space of several belongs to what follows.
  if (kind == Kind::space && end < text.size() && end - at > 1 && text[end - 1] == ' ') --end;
  return end;
}

int64_t byte_token(char c) {
  return kNumSpecialWords + static_cast<unsigned char>(c);
}

// Counts of pairs of neighbours over all pieces, kept while pairs are merged.
class PairCounts {
 public:
  explicit PairCounts(const std::vector<std::string>& texts);
  bool best(Merge& pair);  // the next one to merge; false where none occurs twice
  void merge(Merge pair, int64_t token);

 private:
  struct Piece {
    std::vector<int64_t> tokens;
    int64_t count = 0;
  };
  struct Pair {
    int64_t count = 0;
    std::vector<size_t> pieces;  // some of which may have lost it since
  };
  struct Candidate {
    int64_t count;
    Merge pair;
    bool operator<(const Candidate& other) const {
      return count != other.count ? count < other.count : pair > other.pair;
    }
  };

  std::vector<Piece> pieces_;
  std::unordered_map<uint64_t, Pair> pairs_;
  std::priority_queue<Candidate> queue_;  // outdated where the count is another now
};

PairCounts::PairCounts(const std::vector<std::string>& texts) {
  std::unordered_map<std::string_view, int64_t> counts;
  for (const std::string& text : texts)
    for (size_t at = 0, end; at < text.size(); at = end) {
      end = piece_end(text, at);
      ++counts[std::string_view(text).substr(at, end - at)];
    }
  for (const auto& [piece, count] : counts) {
    Piece& entry = pieces_.emplace_back();
    entry.count = count;
    for (const char c : piece) entry.tokens.push_back(byte_token(c));
  }
  for (size_t i = 0; i < pieces_.size(); ++i)
    for (size_t j = 0; j + 1 < pieces_[i].tokens.size(); ++j) {
      Pair& pair = pairs_[key({pieces_[i].tokens[j], pieces_[i].tokens[j + 1]})];
      pair.count += pieces_[i].count;
      if (pair.pieces.empty() || pair.pieces.back() != i) pair.pieces.push_back(i);
    }
  for (const auto& [code, pair] : pairs_)
    queue_.push({pair.count, {static_cast<int64_t>(code >> 32), static_cast<int64_t>(code & 0xffffffff)}});
}

bool PairCounts::best(Merge& pair) {
  for (; !queue_.empty(); queue_.pop()) {
    const Candidate candidate = queue_.top();
    if (pairs_.at(key(candidate.pair)).count != candidate.count) continue;
    pair = candidate.pair;
    return candidate.count > 1;
  }
  return false;
}

void PairCounts::merge(Merge merged, int64_t token) {
  const std::vector<size_t> where = std::move(pairs_.at(key(merged)).pieces);
  std::set<Merge> changed;
  for (const size_t i : where) {
    Piece& piece = pieces_[i];
    const auto change = [&](int64_t sign) {
      for (size_t j = 0; j + 1 < piece.tokens.size(); ++j) {
        const Merge neighbours{piece.tokens[j], piece.tokens[j + 1]};
        Pair& pair = pairs_[key(neighbours)];
        pair.count += sign * piece.count;
        changed.insert(neighbours);
        const bool is_new = neighbours.first == token || neighbours.second == token;
        if (sign > 0 && is_new && (pair.pieces.empty() || pair.pieces.back() != i)) pair.pieces.push_back(i);
      }
    };
    change(-1);
    size_t kept = 0;
    for (size_t j = 0; j < piece.tokens.size(); ++j, ++kept) {
      const bool here = j + 1 < piece.tokens.size() && piece.tokens[j] == merged.first &&
                        piece.tokens[j + 1] == merged.second;
      piece.tokens[kept] = here ? token : piece.tokens[j];
      if (here) ++j;
    }
    piece.tokens.resize(kept);
    change(+1);
  }
  for (const Merge& pair : changed)
    if (const int64_t count = pairs_.at(key(pair)).count; count > 0) queue_.push({count, pair});
}

}  // namespace

BytePairs::BytePairs(const std::vector<std::string>& texts, int64_t max_tokens)
    : BytePairs(std::vector<Merge>{}) {
  if (max_tokens < kNumBytes)
    throw InputError("byte pairs want at least {} tokens, one for each byte, got {}", kNumBytes, max_tokens);
  PairCounts counts(texts);
  for (Merge pair; size() < kNumSpecialWords + max_tokens && counts.best(pair);) {
    add(pair);
    counts.merge(pair, size() - 1);
  }
}

BytePairs::BytePairs(std::vector<Merge> merges) {
  for (int64_t i = 0; i < kNumSpecialWords; ++i) tokens_.emplace_back();
  for (int64_t byte = 0; byte < kNumBytes; ++byte) tokens_.emplace_back(1, static_cast<char>(byte));
  for (const Merge& merge : merges) {
    const auto known = [&](int64_t token) { return token >= kNumSpecialWords && token < size(); };
    if (!known(merge.first) || !known(merge.second))
      throw InputError("merge {} of byte pairs names a token that is not there: {} and {}", merges_.size(),
                       merge.first, merge.second);
    if (merged_.count(key(merge)) > 0)
      throw InputError("merge {} of byte pairs is there twice", merges_.size());
    if (tokens_[static_cast<size_t>(merge.first)].size() + tokens_[static_cast<size_t>(merge.second)].size() >
        kLongestPiece)
      throw InputError("merge {} of byte pairs is longer than {} bytes", merges_.size(), kLongestPiece);
    add(merge);
  }
}

void BytePairs::add(Merge merge) {
  merged_.emplace(key(merge), size());
  tokens_.push_back(tokens_[static_cast<size_t>(merge.first)] + tokens_[static_cast<size_t>(merge.second)]);
  merges_.push_back(merge);
}

const std::string& BytePairs::token(int64_t number) const {
  if (number < 0 || number >= size()) throw Error("there is no token {} among {}", number, size());
  return tokens_[static_cast<size_t>(number)];
}

// The pair that was learnt first is merged first, wherever it stands.
void BytePairs::append_piece(std::string_view piece, std::vector<int64_t>& numbers) const {
  std::vector<int64_t> tokens;
  for (const char c : piece) tokens.push_back(byte_token(c));
  while (true) {
    int64_t first = size();
    size_t at = 0;
    for (size_t j = 0; j + 1 < tokens.size(); ++j)
      if (const auto found = merged_.find(key({tokens[j], tokens[j + 1]}));
          found != merged_.end() && found->second < first) {
        first = found->second;
        at = j;
      }
    if (first == size()) break;
    tokens[at] = first;
    tokens.erase(tokens.begin() + static_cast<int64_t>(at) + 1);
  }
  numbers.insert(numbers.end(), tokens.begin(), tokens.end());
}

std::vector<int64_t> BytePairs::encode(std::string_view text) const {
  std::vector<int64_t> numbers;
  for (size_t at = 0, end; at < text.size(); at = end) {
    end = piece_end(text, at);
    append_piece(text.substr(at, end - at), numbers);
  }
  return numbers;
}

std::string BytePairs::decode(const std::vector<int64_t>& numbers) const {
  std::string text;
  for (const int64_t number : numbers) text += token(number);
  return text;
}

}  // namespace lathe::data
