import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"latchkey/redis","description":"","frontmatter":{"head":[["link",{"rel":"canonical","href":"https://latchkey-js.github.io/latchkey/api/latchkey/redis/"}],["meta",{"property":"og:url","content":"https://latchkey-js.github.io/latchkey/api/latchkey/redis/"}],["meta",{"property":"og:title","content":"latchkey/redis"}],["meta",{"property":"og:description","content":"Mutex, semaphore and read-write lock for async JavaScript: fair, cancellable with AbortSignal, impossible to release twice."}]],"editLink":false,"lastUpdated":false},"headers":[],"relativePath":"api/latchkey/redis/index.md","filePath":"site/pages/api/latchkey/redis/README.md","lastUpdated":null}');
const _sfc_main = { name: "api/latchkey/redis/index.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><p><a href="/api/">latchkey API</a> / latchkey/redis</p><h1 id="latchkeyredis" tabindex="-1">latchkey/redis <a class="header-anchor" href="#latchkeyredis" aria-label="Permalink to &quot;latchkey/redis&quot;">​</a></h1><h2 id="locks" tabindex="-1">Locks <a class="header-anchor" href="#locks" aria-label="Permalink to &quot;Locks&quot;">​</a></h2><ul><li><a href="/api/latchkey/redis/classes/RedisLock.html">RedisLock</a></li></ul><h2 id="options" tabindex="-1">Options <a class="header-anchor" href="#options" aria-label="Permalink to &quot;Options&quot;">​</a></h2><ul><li><a href="/api/latchkey/redis/interfaces/RedisLockOptions.html">RedisLockOptions</a></li></ul><h2 id="types" tabindex="-1">Types <a class="header-anchor" href="#types" aria-label="Permalink to &quot;Types&quot;">​</a></h2><ul><li><a href="/api/latchkey/redis/interfaces/IoredisClient.html">IoredisClient</a></li><li><a href="/api/latchkey/redis/interfaces/NodeRedisClient.html">NodeRedisClient</a></li><li><a href="/api/latchkey/redis/type-aliases/RedisClient.html">RedisClient</a></li><li><a href="/api/latchkey/redis/interfaces/IoredisSubscriber.html">IoredisSubscriber</a></li><li><a href="/api/latchkey/redis/interfaces/NodeRedisSubscriber.html">NodeRedisSubscriber</a></li><li><a href="/api/latchkey/redis/type-aliases/RedisSubscriber.html">RedisSubscriber</a></li></ul></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("site/pages/api/latchkey/redis/README.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const README = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  README as default
};
