#include "lathe/nn/archive_file.h"

#include <sstream>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/printable.h"
#include "lathe/nn/zip_check.h"

namespace lathe::nn {

void write_archive(const std::filesystem::path& file,
                   const std::function<void(torch::serialize::OutputArchive&)>& write) {
  torch::serialize::OutputArchive archive;
  write(archive);
  std::ostringstream stream;
  archive.save_to(stream);
  core::write_file(file, stream.str());
}

void read_archive(const std::filesystem::path& file, const std::string& advice,
                  const std::function<void(torch::serialize::InputArchive&)>& read) {
  try {
    if (const auto damage = zip_damage(core::read_file(file))) throw Error(*damage);
    torch::serialize::InputArchive archive;
    archive.load_from(file.string());
    read(archive);
  } catch (const InputError&) {
    throw;
  } catch (const std::exception& error) {
    const std::string what = error.what();
    throw InputError("{} cannot be read ({}); {}", file.string(),
                     core::printable(what.substr(0, what.find('\n'))), advice);
  }
}

}  // namespace lathe::nn
