#pragma once
#include <torch/serialize.h>

#include <filesystem>
#include <functional>
#include <string>

namespace lathe::nn {

// Files of tensors and text that one of us wrote, as libtorch's archives.

void write_archive(
    const std::filesystem::path& file,
    const std::function<void(torch::serialize::OutputArchive&)>& write);  // whole, or not at all

// Throws InputError "FILE cannot be read (why); advice", in one line, for whatever is wrong with the bytes or
// read() finds; an InputError of read() as it is. The bytes are checked before libtorch sees them.
void read_archive(const std::filesystem::path& file, const std::string& advice,
                  const std::function<void(torch::serialize::InputArchive&)>& read);

}  // namespace lathe::nn
