# Writes OUTPUT: the suites of the directory SUITES as text in a C++ source.
file(GLOB files ${SUITES}/*.toml)
set(entries "")
foreach(file ${files})
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} text)
  string(APPEND entries "    {\"${name}\", R\"suite(${text})suite\"},\n")
endforeach()
file(WRITE ${OUTPUT} "#include <map>\n\n#include \"lathe/evaluate/checklist/ready_suites.h\"\n
namespace lathe::evaluate::checklist {
namespace {
const std::map<std::string, std::string> kSuites = {\n${entries}};
}
std::vector<std::string> ready_suite_names() {
  std::vector<std::string> names;
  for (const auto& [name, text] : kSuites) names.push_back(name);
  return names;
}
std::optional<std::string> ready_suite(const std::string& name) {
  const auto found = kSuites.find(name);
  return found == kSuites.end() ? std::nullopt : std::optional<std::string>(found->second);
}
}
")
