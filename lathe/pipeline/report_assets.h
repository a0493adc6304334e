#pragma once

namespace lathe::pipeline {

extern const char* const kReportStyle;   // CSS of the report
extern const char* const kReportScript;  // draws the charts; needs `vega`

}  // namespace lathe::pipeline
