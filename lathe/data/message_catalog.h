#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>

namespace lathe::data {

// The translations in a catalogue of messages (".mo", GNU gettext manual §10.3): message to translation, both
// UTF-8. Messages with a context or a plural are left out. Throws InputError with `name` for a catalogue that
// is cut off or points outside of itself.
using MessageCatalog = std::unordered_map<std::string, std::string>;
MessageCatalog parse_message_catalog(std::string_view bytes, const std::string& name);
MessageCatalog read_message_catalog(const std::filesystem::path& file);

}  // namespace lathe::data
