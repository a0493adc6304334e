#pragma once
#include <functional>
#include <string>
#include <vector>

#include "lathe/core/seed.h"

// Small changes of a text whose effect on a model's answer is known (Ribeiro et al. 2020, §2.2): typos,
// contractions, other names, negations, …
namespace lathe::evaluate::checklist {

// A changed text, and the part that was changed as it was and as it is ("" where no one part stands for the
// change).
struct Variant {
  std::string text, before, after;
};

// The variants of a text, none of them equal to it; {} where the perturbation does not apply.
using Perturbation = std::function<std::vector<Variant>(const std::string& text, core::Random& random)>;

// "typos(1)", "change_names(first_only)", "add_sentence(\"It was late.\")": a name of the list below and its
// arguments, parted by commas, in quotation marks where they have commas or parentheses, by position or as
// name=value. Throws InputError with the nearest name, or with what an argument may be.
Perturbation parse_perturbation(const std::string& call);

struct PerturbationHelp {
  std::string name, usage, text;  // "typos", "typos(k=1, n=1)", one line
};
const std::vector<PerturbationHelp>& perturbation_help();
// Whether the call runs a program: command(…).
bool runs_program(const std::string& call);

std::vector<std::string> perturbation_names();

}  // namespace lathe::evaluate::checklist
