#pragma once
#include <torch/serialize.h>

#include <sstream>

namespace lathe::testing_support {

// What an object saves, ready to be loaded.
template <typename T>
torch::serialize::InputArchive saved(const T& from) {
  torch::serialize::OutputArchive out;
  from.save(out);
  std::stringstream stream;
  out.save_to(stream);
  torch::serialize::InputArchive in;
  in.load_from(stream);
  return in;
}

// Saves one object and loads another from it.
template <typename From, typename To>
void transfer(const From& from, To& to) {
  torch::serialize::InputArchive in = saved(from);
  to.load(in);
}

}  // namespace lathe::testing_support
