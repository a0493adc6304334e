#include <iostream>

#include "cli/verb.h"

namespace lathe::cli {
namespace {

// "run init … --json --set": what may follow a verb (its methods and options).
std::string words_of(const CLI::App& app) {
  std::string words;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    words += sub->get_name() + " ";
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) words += "--" + name + " ";
  return words;
}

void add_cases(const CLI::App& app, const std::string& path, std::string& cases) {
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    const std::string name = path.empty() ? sub->get_name() : path + " " + sub->get_name();
    cases += "    \"" + name + "\") words=\"" + words_of(*sub) + "\";;\n";
    add_cases(*sub, name, cases);
  }
}

// Bash; zsh runs it too, after bashcompinit.
std::string script(const CLI::App& app) {
  std::string cases;
  add_cases(app, "", cases);
  return "_lathe() {\n"
         "  local word=\"${COMP_WORDS[COMP_CWORD]}\" verb=\"\" words=\"" +
         words_of(app) +
         "\" i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    [[ ${COMP_WORDS[i]} == -* ]] && continue\n"
         "    case \"${verb:+$verb }${COMP_WORDS[i]}\" in\n" +
         cases +
         "    *) continue;;\n"
         "    esac\n"
         "    verb=\"${verb:+$verb }${COMP_WORDS[i]}\"\n"
         "  done\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\") $(compgen -f -- \"$word\"))\n"
         "}\n"
         "complete -o filenames -F _lathe lathe\n";
}

}  // namespace

void add_completion(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("completion", "Print the shell's completion script");
  auto shell = std::make_shared<std::string>("bash");
  verb->add_option("shell", *shell, "bash or zsh")
      ->check(CLI::IsMember({"bash", "zsh"}))
      ->capture_default_str();
  verb->footer("Example:\n  eval \"$(lathe completion bash)\"");
  verb->callback([&app, shell] {
    if (*shell == "zsh") std::cout << "autoload -U +X bashcompinit && bashcompinit\n";
    std::cout << script(app);
  });
}

}  // namespace lathe::cli
