import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"latchkey API","description":"","frontmatter":{"head":[["link",{"rel":"canonical","href":"https://latchkey-js.github.io/latchkey/api/"}],["meta",{"property":"og:url","content":"https://latchkey-js.github.io/latchkey/api/"}],["meta",{"property":"og:title","content":"latchkey API"}],["meta",{"property":"og:description","content":"Mutex, semaphore and read-write lock for async JavaScript: fair, cancellable with AbortSignal, impossible to release twice."}]],"editLink":false,"lastUpdated":false},"headers":[],"relativePath":"api/index.md","filePath":"site/pages/api/README.md","lastUpdated":null}');
const _sfc_main = { name: "api/index.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="latchkey-api" tabindex="-1">latchkey API <a class="header-anchor" href="#latchkey-api" aria-label="Permalink to &quot;latchkey API&quot;">​</a></h1><h2 id="modules" tabindex="-1">Modules <a class="header-anchor" href="#modules" aria-label="Permalink to &quot;Modules&quot;">​</a></h2><ul><li><a href="/api/latchkey/">latchkey</a></li><li><a href="/api/latchkey/distributed/">latchkey/distributed</a></li><li><a href="/api/latchkey/postgres/">latchkey/postgres</a></li><li><a href="/api/latchkey/redis/">latchkey/redis</a></li><li><a href="/api/latchkey/local/">latchkey/local</a></li><li><a href="/api/latchkey/web/">latchkey/web</a></li><li><a href="/api/latchkey/adapters/hub/">latchkey/adapters/hub</a></li><li><a href="/api/latchkey/adapters/session-manager/">latchkey/adapters/session-manager</a></li><li><a href="/api/latchkey/testing/">latchkey/testing</a></li><li><a href="/api/latchkey/monitor/">latchkey/monitor</a></li><li><a href="/api/latchkey/context/">latchkey/context</a></li></ul></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("site/pages/api/README.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const README = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  README as default
};
