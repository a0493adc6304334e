#pragma once
#include <gtest/gtest.h>

#include <string>
#include <typeinfo>

namespace lathe::testing_support {

// The text of the exception, exactly of type E, that action() throws.
template <typename E, typename Action>
std::string message_of(const Action& action) {
  try {
    action();
  } catch (const std::exception& error) {
    if (typeid(error) == typeid(E)) return error.what();
    ADD_FAILURE() << "another type of exception: " << error.what();
    return "";
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

}  // namespace lathe::testing_support
