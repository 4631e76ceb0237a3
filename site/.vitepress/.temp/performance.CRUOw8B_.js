const _imports_0 = "/assets/performance.B4DwhmRy.svg";
export {
  _imports_0 as _
};
