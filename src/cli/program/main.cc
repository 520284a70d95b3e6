#include <iostream>

#include "cli/app.h"
#include "cli/process.h"

int main(int argc, char** argv) {
  rhooks::cli::prepare_process();
  rhooks::cli::Io io(std::cin, std::cout, std::cerr);
  rhooks::cli::use_system(io);
  return rhooks::cli::run({argv + 1, argv + argc}, io);
}
