#pragma once

namespace lathe::evaluate::checklist {

extern const char* const kPageStyle;
extern const char* const kPageScript;

}  // namespace lathe::evaluate::checklist
