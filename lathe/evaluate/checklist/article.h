#pragma once
#include <string>
#include <string_view>

namespace lathe::evaluate::checklist {

// "a" or "an" before a text, by how its first word is most likely spoken: an apple, an hour, an FBI agent, an
// 8; a university, a one-way ticket, a NASA engineer, a UFO.
std::string article_of(std::string_view text);

}  // namespace lathe::evaluate::checklist
