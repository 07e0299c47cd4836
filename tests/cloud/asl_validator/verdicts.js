// What asl-validator says of each definition whose file is named on a line of the standard input: one line of JSON each.
"use strict";

const { readFileSync } = require("node:fs");

// It compiles the same schemas anew for each definition, 0.2 s each time; here it gets its first compiler again and again.
const ajv = require("ajv");
const Ajv = ajv.default;
let compiler;
require.cache[require.resolve("ajv")].exports = {
  ...ajv,
  __esModule: true,
  default: function (options) {
    if (compiler) compiler.addKeyword = () => compiler; // it has them all, and refuses them a second time
    return (compiler ??= new Ajv(options));
  },
};
const validate = require("asl-validator");

function verdict(file) {
  try {
    const { isValid, errors } = validate(JSON.parse(readFileSync(file, "utf8")));
    return { accepted: isValid, problems: errors.map((error) => error.Message) };
  } catch (error) {
    return { accepted: false, problems: [String(error)] };
  }
}

for (const file of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  console.log(JSON.stringify({ file, ...verdict(file) }));
}
