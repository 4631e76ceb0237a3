import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"latchkey/postgres","description":"","frontmatter":{"head":[["link",{"rel":"canonical","href":"https://latchkey-js.github.io/latchkey/api/latchkey/postgres/"}],["meta",{"property":"og:url","content":"https://latchkey-js.github.io/latchkey/api/latchkey/postgres/"}],["meta",{"property":"og:title","content":"latchkey/postgres"}],["meta",{"property":"og:description","content":"Mutex, semaphore and read-write lock for async JavaScript: fair, cancellable with AbortSignal, impossible to release twice."}]],"editLink":false,"lastUpdated":false},"headers":[],"relativePath":"api/latchkey/postgres/index.md","filePath":"site/pages/api/latchkey/postgres/README.md","lastUpdated":null}');
const _sfc_main = { name: "api/latchkey/postgres/index.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><p><a href="/api/">latchkey API</a> / latchkey/postgres</p><h1 id="latchkeypostgres" tabindex="-1">latchkey/postgres <a class="header-anchor" href="#latchkeypostgres" aria-label="Permalink to &quot;latchkey/postgres&quot;">​</a></h1><h2 id="locks" tabindex="-1">Locks <a class="header-anchor" href="#locks" aria-label="Permalink to &quot;Locks&quot;">​</a></h2><ul><li><a href="/api/latchkey/postgres/classes/PostgresLock.html">PostgresLock</a></li></ul><h2 id="functions" tabindex="-1">Functions <a class="header-anchor" href="#functions" aria-label="Permalink to &quot;Functions&quot;">​</a></h2><ul><li><a href="/api/latchkey/postgres/functions/lockInTransaction.html">lockInTransaction</a></li></ul><h2 id="options" tabindex="-1">Options <a class="header-anchor" href="#options" aria-label="Permalink to &quot;Options&quot;">​</a></h2><ul><li><a href="/api/latchkey/postgres/interfaces/PostgresLockOptions.html">PostgresLockOptions</a></li><li><a href="/api/latchkey/postgres/interfaces/TransactionLockOptions.html">TransactionLockOptions</a></li></ul><h2 id="types" tabindex="-1">Types <a class="header-anchor" href="#types" aria-label="Permalink to &quot;Types&quot;">​</a></h2><ul><li><a href="/api/latchkey/postgres/interfaces/PostgresClient.html">PostgresClient</a></li><li><a href="/api/latchkey/postgres/interfaces/TransactionClient.html">TransactionClient</a></li></ul></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("site/pages/api/latchkey/postgres/README.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const README = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  README as default
};
