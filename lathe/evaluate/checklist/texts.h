#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lathe::evaluate::checklist {

// The texts of one input, in the order of the suite's fields.
using Example = std::vector<std::string>;

// Texts in one piece of memory: a million short ones cost two allocations.
class Texts {
 public:
  Texts() = default;
  // ends[i]: where text i ends in `bytes`; ascending, the last is all of it.
  Texts(std::string bytes, std::vector<size_t> ends) : bytes_(std::move(bytes)), ends_(std::move(ends)) {}
  size_t size() const { return ends_.size(); }
  size_t num_bytes() const { return bytes_.size(); }
  std::string_view operator[](size_t i) const {
    const size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(bytes_).substr(begin, ends_[i] - begin);
  }
  void push_back(std::string_view text) {
    bytes_ += text;
    ends_.push_back(bytes_.size());
  }
  void append(const Texts& others) {
    for (size_t i = 0; i < others.size(); ++i) push_back(others[i]);
  }
  bool operator==(const Texts& other) const { return bytes_ == other.bytes_ && ends_ == other.ends_; }

 private:
  std::string bytes_;
  std::vector<size_t> ends_;
};

}  // namespace lathe::evaluate::checklist
