#include "lathe/core/files.h"
#include "lathe/pipeline/bundle_report.h"
#include "lathe/pipeline/stages.h"

namespace lathe::pipeline {

StageReport run_report(const StageContext& context) {
  core::write_file(context.staged / "report.html", render_html(bundle_page(context.job.bundle())));
  return {};
}

}  // namespace lathe::pipeline
