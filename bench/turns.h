#pragma once
#include <ctime>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

// The Lathe side of the programs of bench/peers that run with bench/peers/common.py: what was written for the
// peer to read is said first, then pieces of work are timed when the peer asks, so that both take turns.
namespace lathe::bench {

// Of the processor, all threads: what else runs on the machine does not count.
inline double processor_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

template <typename Action>
double seconds_of(const Action& action) {
  const double start = processor_seconds();
  action();
  return processor_seconds() - start;
}

// Prints `facts` on one line. Then each line of standard input names a piece of work, which is done and
// answers with its seconds.
inline void answer_turns(const nlohmann::json& facts,
                         const std::map<std::string, std::function<double()>>& work) {
  std::cout << facts.dump() << std::endl;
  for (std::string name; std::getline(std::cin, name);) std::cout << work.at(name)() << std::endl;
}

}  // namespace lathe::bench
