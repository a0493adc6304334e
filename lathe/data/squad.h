#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::data {

// Questions about passages, as the Stanford Question Answering Dataset writes them (Rajpurkar et al. 2016;
// version 2.0 with questions that have no answer: 2018).
struct SquadAnswer {
  std::string text;
  int64_t begin = 0;  // byte of the context where it begins; the file counts code points
};

struct SquadQuestion {
  std::string id, text;
  std::vector<SquadAnswer> answers;  // those of different annotators; none where it is impossible
  bool impossible = false;
};

struct SquadPassage {
  std::string title, context;
  std::vector<SquadQuestion> questions;
};

// Throws InputError that names the place, "data[3].paragraphs[0].qas[2]", also for an answer that does not
// stand in the context where the file says.
std::vector<SquadPassage> parse_squad(std::string_view json, const std::string& name);
std::vector<SquadPassage> read_squad(const std::filesystem::path& file);

}  // namespace lathe::data
