import { defineComponent, ref, computed, mergeProps, useSSRContext } from "vue";
import { ssrRenderAttrs, ssrRenderAttr, ssrInterpolate, ssrRenderList, ssrRenderClass, ssrRenderStyle } from "vue/server-renderer";
/* empty css                                                          */
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const _sfc_main = /* @__PURE__ */ defineComponent({
  __name: "Overhead",
  __ssrInlineRender: true,
  setup(__props) {
    const rows = ref([]);
    const state = ref("idle");
    const scale = computed(() => Math.max(3, ...rows.value.flatMap(({ packages }) => packages.map(({ ratio }) => ratio))));
    const width = (ratio) => `${Math.min(100, ratio / scale.value * 100)}%`;
    const times = (ratio) => `${ratio.toFixed(2)} ×`;
    return (_ctx, _push, _parent, _attrs) => {
      _push(`<section${ssrRenderAttrs(mergeProps({
        class: "overhead",
        "aria-label": "The measurement"
      }, _attrs))} data-v-57321764><button type="button" class="button strong"${ssrRenderAttr("aria-disabled", state.value === "running")} data-v-57321764>${ssrInterpolate(state.value === "running" ? "Measuring …" : state.value === "done" ? "Measure again" : "Measure")}</button><p class="said" role="status" data-v-57321764>`);
      if (state.value === "done") {
        _push(`<!--[-->Done. Measure again to see how much the figures move.<!--]-->`);
      } else if (state.value === "failed") {
        _push(`<!--[-->This browser did not let the measurement run.<!--]-->`);
      } else {
        _push(`<!--[-->It takes a few seconds. Nothing is sent anywhere.<!--]-->`);
      }
      _push(`</p>`);
      if (rows.value.length > 0) {
        _push(`<table data-v-57321764><thead data-v-57321764><tr data-v-57321764><th scope="col" data-v-57321764>What</th><th scope="col" data-v-57321764>Times the floor, shorter is better</th><th scope="col" class="figure" data-v-57321764>Half of the rounds</th></tr></thead><!--[-->`);
        ssrRenderList(rows.value, (row) => {
          _push(`<tbody data-v-57321764><!--[-->`);
          ssrRenderList(row.packages, (one, i) => {
            _push(`<tr${ssrRenderAttr("data-package", one.name)} data-v-57321764>`);
            if (i === 0) {
              _push(`<th scope="rowgroup"${ssrRenderAttr("rowspan", row.packages.length)} data-v-57321764>${ssrInterpolate(row.name)}<small data-v-57321764>floor: ${ssrInterpolate(row.floor)}</small></th>`);
            } else {
              _push(`<!---->`);
            }
            _push(`<td class="graph" data-v-57321764><span class="${ssrRenderClass(["package", { own: i === 0 }])}" data-v-57321764>${ssrInterpolate(one.name)}</span><span class="track" aria-hidden="true" data-v-57321764><span class="${ssrRenderClass(["measured", { own: i === 0 }])}" style="${ssrRenderStyle({ width: width(one.ratio) })}" data-v-57321764></span><span class="floor" style="${ssrRenderStyle({ left: width(1) })}" data-v-57321764></span></span><strong data-v-57321764>${ssrInterpolate(times(one.ratio))}</strong></td><td class="figure" data-v-57321764>${ssrInterpolate(one.low.toFixed(2))} to ${ssrInterpolate(one.high.toFixed(2))}</td></tr>`);
          });
          _push(`<!--]--></tbody>`);
        });
        _push(`<!--]--></table>`);
      } else {
        _push(`<!---->`);
      }
      if (state.value === "done") {
        _push(`<p class="fine-print" data-v-57321764> await-lock gives no lock object: any code can release it, any number of times. A lock that can be released once costs one object more. p-limit takes a function only, so it is not in the rows with acquire. </p>`);
      } else {
        _push(`<!---->`);
      }
      _push(`</section>`);
    };
  }
});
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("site/theatre/Overhead.vue");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Overhead = /* @__PURE__ */ _export_sfc(_sfc_main, [["__scopeId", "data-v-57321764"]]);
export {
  Overhead as default
};
