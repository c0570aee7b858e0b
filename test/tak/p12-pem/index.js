// Stands in for a package that the registry does not serve. node-tak needs it
// only to open .p12 files, which these tests do not do.
module.exports = {
  getPemFromP12() {
    throw new Error('these tests open no .p12 files');
  },
};
