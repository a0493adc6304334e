#pragma once
#include <string>
#include <vector>

#include "lathe/core/seed.h"
#include "lathe/evaluate/checklist/editor.h"

// What a template's tags stand for: the first half of expand().
namespace lathe::evaluate::checklist {

// What the tags stand for: one list of texts a reference, beside the lexicons themselves.
struct Values {
  std::vector<Lexicon> lexicons;                // by tag
  std::vector<std::vector<std::string>> texts;  // by reference, then entry
};

// Looks up the lexicons, and has the masks filled. Throws InputError as expand() does.
Values find_values(const Template& parsed, const Editor& editor, const ExpandOptions& options,
                   core::Seed seed);

// [n × tags] draws, each tag by itself.
std::vector<uint32_t> draw(const std::vector<size_t>& sizes, int64_t n, core::Random& random);

std::string whole_text(const nlohmann::json& entry);  // for meta, and to compare values of tags
std::string quoted(const Template& parsed);           // for errors

}  // namespace lathe::evaluate::checklist
