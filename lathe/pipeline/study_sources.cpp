#include "lathe/pipeline/study_sources.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "lathe/core/files.h"

namespace lathe::pipeline {
namespace {

namespace fs = std::filesystem;

// Lowest first: a module may use those before it.
const std::vector<std::string> kModules = {"core",      "math",      "data",     "nn",      "convex",
                                           "transport", "evaluate",  "optim",    "train",   "distributed",
                                           "tune",      "compress",  "runtime",  "compile", "loadgen",
                                           "generate",  "represent", "simulate", "decide",  "pipeline"};

std::string file_stem(const std::string& study) {
  std::string stem = study;
  std::replace(stem.begin(), stem.end(), '-', '_');
  return stem;
}

// NAME.cpp and NAME_*.
bool owns(const std::string& study, const fs::path& file) {
  const std::string stem = file_stem(study), name = file.stem();
  return name == stem || name.rfind(stem + "_", 0) == 0;
}

using Sources = std::map<std::string, std::string>;  // contents by path below the tree

void read_into(Sources& sources, const fs::path& tree, const fs::path& file) {
  const std::string extension = file.extension();
  if (extension == ".h" || extension == ".cpp" || extension == ".c")
    sources[fs::relative(file, tree).generic_string()] = core::read_file(file);
}

// Of all modules up to the study's, and of studies/ without those of other studies.
Sources candidates(const Study& study, const fs::path& tree) {
  Sources sources;
  const std::vector<Study> all = studies();
  for (const auto& entry : fs::directory_iterator(tree / "studies")) {
    const bool of_another = std::any_of(all.begin(), all.end(), [&](const Study& other) {
      return other.name != study.name && owns(other.name, entry.path());
    });
    if (entry.is_regular_file() && (!of_another || owns(study.name, entry.path())))
      read_into(sources, tree, entry.path());
  }
  for (const std::string& module : kModules) {
    if (fs::is_directory(tree / "lathe" / module))
      for (const auto& entry : fs::recursive_directory_iterator(tree / "lathe" / module))
        if (entry.is_regular_file()) read_into(sources, tree, entry.path());
    if (module == study.module) break;
  }
  return sources;
}

std::vector<std::string> includes(const std::string& source) {
  const std::string directive = "#include \"";
  std::vector<std::string> paths;
  std::istringstream lines(source);
  for (std::string line; std::getline(lines, line);)
    if (line.rfind(directive, 0) == 0)
      paths.push_back(line.substr(directive.size(), line.rfind('"') - directive.size()));
  return paths;
}

// "lathe/data" of "lathe/data/csv.h", "studies" of "studies/timing.h".
std::string module_of(const std::string& path) {
  const size_t begin = path.rfind("lathe/", 0) == 0 ? 6 : 0;
  return path.substr(0, path.find('/', begin));
}

// Of each header the sources that implement it.
std::map<std::string, std::vector<std::string>> implementations(const Sources& sources) {
  std::map<std::string, std::vector<std::string>> implementing;
  for (const auto& [path, text] : sources) {
    if (fs::path(path).extension() == ".h") continue;
    const std::string namesake = fs::path(path).replace_extension(".h").generic_string();
    if (sources.count(namesake)) {
      implementing[namesake].push_back(path);
      continue;
    }
    for (const std::string& header : includes(text))
      if (module_of(header) == module_of(path)) implementing[header].push_back(path);
  }
  return implementing;
}

}  // namespace

std::string sources_hash(const Study& study, const fs::path& tree) {
  const Sources sources = candidates(study, tree);
  const auto implementing = implementations(sources);
  std::set<std::string> reached;
  std::vector<std::string> next;
  for (const auto& [path, text] : sources)
    if (module_of(path) == "studies") next.push_back(path);
  while (!next.empty()) {
    const std::string path = next.back();
    next.pop_back();
    const auto source = sources.find(path);
    if (source == sources.end() || !reached.insert(path).second) continue;
    for (const std::string& header : includes(source->second)) next.push_back(header);
    if (const auto found = implementing.find(path); found != implementing.end())
      next.insert(next.end(), found->second.begin(), found->second.end());
  }
  std::string digests;
  for (const std::string& path : reached) digests += path + " " + core::sha256(sources.at(path)) + "\n";
  return core::sha256(digests);
}

}  // namespace lathe::pipeline
