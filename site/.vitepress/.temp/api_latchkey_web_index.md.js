import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"latchkey/web","description":"","frontmatter":{"head":[["link",{"rel":"canonical","href":"https://latchkey-js.github.io/latchkey/api/latchkey/web/"}],["meta",{"property":"og:url","content":"https://latchkey-js.github.io/latchkey/api/latchkey/web/"}],["meta",{"property":"og:title","content":"latchkey/web"}],["meta",{"property":"og:description","content":"Mutex, semaphore and read-write lock for async JavaScript: fair, cancellable with AbortSignal, impossible to release twice."}]],"editLink":false,"lastUpdated":false},"headers":[],"relativePath":"api/latchkey/web/index.md","filePath":"site/pages/api/latchkey/web/README.md","lastUpdated":null}');
const _sfc_main = { name: "api/latchkey/web/index.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><p><a href="/api/">latchkey API</a> / latchkey/web</p><h1 id="latchkeyweb" tabindex="-1">latchkey/web <a class="header-anchor" href="#latchkeyweb" aria-label="Permalink to &quot;latchkey/web&quot;">​</a></h1><h2 id="locks" tabindex="-1">Locks <a class="header-anchor" href="#locks" aria-label="Permalink to &quot;Locks&quot;">​</a></h2><ul><li><a href="/api/latchkey/web/classes/WebLock.html">WebLock</a></li></ul><h2 id="options" tabindex="-1">Options <a class="header-anchor" href="#options" aria-label="Permalink to &quot;Options&quot;">​</a></h2><ul><li><a href="/api/latchkey/web/interfaces/WebLockOptions.html">WebLockOptions</a></li></ul><h2 id="types" tabindex="-1">Types <a class="header-anchor" href="#types" aria-label="Permalink to &quot;Types&quot;">​</a></h2><ul><li><a href="/api/latchkey/web/interfaces/WebLockManager.html">WebLockManager</a></li></ul></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("site/pages/api/latchkey/web/README.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const README = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  README as default
};
